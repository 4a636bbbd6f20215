import { EXIT_SUCCESS, type ExitCode } from '../../app/exit-codes.js';
import { steleVersion } from '../../app/version.js';
import { UsageError } from './errors.js';
import type { Print } from './print.js';
import type { Program } from './program.js';
import { reportOf } from './report.js';
import { checkFlags, runOnce } from './run.js';
import { parseArguments, Settings } from './settings.js';
import type { Process } from './world.js';

/** One run of a program. @returns what the process exits with */
export async function runProgram<P extends Print>(
  program: Program<P>,
  args: readonly string[],
  world: Process,
): Promise<ExitCode> {
  let json = args.includes('--json');
  try {
    const { words, flags } = parseArguments(args, program.options);
    const settings = await Settings.load(flags, world.env, program);
    json = settings.has('json');
    return await dispatch(program, words, flags.keys(), settings, world);
  } catch (error) {
    const { exitCode, text, object } = reportOf(error, program.row.advice);
    world.err(json ? `${JSON.stringify(object)}\n` : `${text}\n`);
    if (error instanceof UsageError && !json) world.err(`See '${program.name} help'.\n`);
    return exitCode;
  }
}

async function dispatch<P extends Print>(
  program: Program<P>,
  words: readonly string[],
  flags: Iterable<string>,
  settings: Settings,
  world: Process,
): Promise<ExitCode> {
  const name = words[0] ?? program.row.withoutCommand ?? 'help';
  if (settings.has('version') || name === 'version') {
    world.out.write(`${program.name} ${steleVersion()}\n`);
    return EXIT_SUCCESS;
  }
  if (name === 'help' || settings.has('help')) {
    world.out.write(await helpOf(program, words[0] === 'help' ? words.slice(1) : words));
    return EXIT_SUCCESS;
  }
  if (name === 'completion') {
    const { renderCompletion } = await import('./completion.js');
    const { programManual } = await import('./program-manual.js');
    world.out.write(renderCompletion(programManual(program), words[1]));
    return EXIT_SUCCESS;
  }
  const own = program.row.own?.find(
    (command) => command.name === name || command.aliases?.includes(name),
  );
  const given = [...flags];
  if (own !== undefined) {
    warnOfSecrets(program, given, world);
    return own.run(words.slice(1), settings, world);
  }
  if (words.length === 1 && program.find(words) === undefined && program.group(name)) {
    world.out.write(await helpOf(program, words));
    return EXIT_SUCCESS;
  }
  const { command, rest } = program.named(words);
  checkFlags(command, given, program);
  warnOfSecrets(program, given, world);
  const abort = new AbortController();
  world.onInterrupt(() => abort.abort());
  await runOnce(program, command, rest, settings, world, abort.signal);
  return EXIT_SUCCESS;
}

function warnOfSecrets<P extends Print>(
  { options }: Program<P>,
  flags: readonly string[],
  world: Process,
): void {
  for (const { name, secret } of options.rows) {
    if (secret !== true || !flags.includes(name)) continue;
    const variable = `STELE_${name.toUpperCase().replaceAll('-', '_')}`;
    world.err(
      `Warning: a process list shows --${name} to others; better --${name}-file or ${variable}\n`,
    );
  }
}

async function helpOf<P extends Print>(
  program: Program<P>,
  topic: readonly string[],
): Promise<string> {
  const { renderCommandHelp, renderGroupHelp, renderHelp } = await import('./help.js');
  const [first, second] = topic;
  if (first === undefined) return renderHelp(program);
  const own = program.own.find(({ name, aliases }) => name === first || aliases?.includes(first));
  if (own !== undefined) return renderCommandHelp(own, `${program.name} `);
  const group = program.group(first);
  if (group !== undefined && second === undefined) return renderGroupHelp(program, group);
  return renderCommandHelp(program.named(topic).command, `${program.name} `);
}
