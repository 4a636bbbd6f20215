import { EXIT_SUCCESS, type ExitCode } from '../../app/exit-codes.js';
import { steleVersion } from '../../app/version.js';
import type { World } from './context.js';
import { UsageError } from './errors.js';
import { reportOf } from './report.js';
import { commandNamed, runOnce } from './run.js';
import { type Environment, parseArguments, Settings } from './settings.js';

export interface Process extends World {
  readonly env: Environment;
  /** Calls back when the user interrupts. */
  readonly onInterrupt: (interrupt: () => void) => void;
}

/** The program `steleclient`. @returns what the process exits with */
export async function main(args: readonly string[], world: Process): Promise<ExitCode> {
  let json = args.includes('--json');
  try {
    const { words, flags } = parseArguments(args);
    const settings = await Settings.load(flags, world.env);
    json = settings.has('json');
    return await dispatch(words, settings, world);
  } catch (error) {
    const { exitCode, text, object } = reportOf(error);
    world.err(json ? `${JSON.stringify(object)}\n` : `${text}\n`);
    if (error instanceof UsageError && !json) world.err("See 'steleclient help'.\n");
    return exitCode;
  }
}

async function dispatch(
  [name, ...words]: readonly string[],
  settings: Settings,
  world: Process,
): Promise<ExitCode> {
  if (settings.has('version') || name === 'version') {
    world.out.write(`steleclient ${steleVersion()}\n`);
    return EXIT_SUCCESS;
  }
  if (name === 'help' || settings.has('help')) {
    const { renderCommandHelp, renderHelp } = await import('./help.js');
    const topic = name === 'help' ? words[0] : name;
    world.out.write(topic === undefined ? renderHelp() : renderCommandHelp(commandNamed(topic)));
    return EXIT_SUCCESS;
  }
  if (name === 'completion') {
    return complete(words[0], world);
  }
  if (name === undefined || name === 'it' || name === 'cli-mode') {
    const { runShell } = await import('./shell/shell.js');
    return runShell(settings, world);
  }
  const abort = new AbortController();
  world.onInterrupt(() => abort.abort());
  await runOnce(commandNamed(name), words, settings, world, abort.signal);
  return EXIT_SUCCESS;
}

async function complete(shell: string | undefined, world: Process): Promise<ExitCode> {
  const { renderCompletion, COMPLETION_SHELLS } = await import('../kit/completion.js');
  const { clientManual } = await import('./manual.js');
  const script = renderCompletion(clientManual(), shell);
  if (script === undefined) {
    const known = COMPLETION_SHELLS.join(', ');
    throw new UsageError(`expected completion ${known}, got ${shell ?? 'nothing'}`);
  }
  world.out.write(script);
  return EXIT_SUCCESS;
}
