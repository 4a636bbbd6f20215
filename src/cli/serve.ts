import { loadConfig, type ResolvedConfig } from '../app/config/index.js';
import { reportReady, startDetached } from '../app/detach.js';
import { EXIT_FAILURE, EXIT_SUCCESS, type ExitCode } from '../app/exit-codes.js';
import type { Logger } from '../app/logger.js';
import { createPidFile } from '../app/pid-file.js';
import { handleSignals } from '../app/signals.js';
import { openLogger, startupLines } from '../app/startup.js';
import { systemClock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { CommandContext } from './command.js';

const DETACHED_PATIENCE_MS = 60_000;
/** What is granted to a server beyond its own time to stop. */
const FORCED_EXIT_GRACE_MS = 1000;

/** `stele [flags]`. */
export async function serve(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const resolved = loadConfig(args, context.env, context.cwd);
  if (resolved.config.detached) return serveDetached(args, context);
  // Replaces the arguments in the list of processes.
  if (resolved.sources.adminPassword.kind === 'flag') process.title = 'stele';
  const log = openLogger(resolved.config, systemClock);
  try {
    return await serveWithLog(resolved, args, log, context);
  } catch (error) {
    // Whoever called prints it; without a log file that is the same place.
    if (resolved.config.logFile !== undefined) {
      log.error('the server could not run', { reason: messageOf(error) });
    }
    throw error;
  } finally {
    log.close();
  }
}

async function serveDetached(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const { script, env, cwd } = context;
  const patienceMs = DETACHED_PATIENCE_MS;
  const outcome = await startDetached({ script, argv: args, env, cwd, patienceMs });
  if (outcome.kind === 'ended') {
    context.err('Error: the server in the background ended before it was ready\n');
    return outcome.exitCode === 2 || outcome.exitCode === 74 ? outcome.exitCode : EXIT_FAILURE;
  }
  context.out(`stele has been started with PID ${outcome.pid}\n`);
  if (outcome.kind === 'stillStarting') context.err('it is not ready yet\n');
  return EXIT_SUCCESS;
}

async function serveWithLog(
  resolved: ResolvedConfig,
  args: readonly string[],
  log: Logger,
  context: CommandContext,
): Promise<ExitCode> {
  const { config, secrets } = resolved;
  await using _pidFile = config.pidFile === undefined ? null : await createPidFile(config.pidFile);
  using signals = handleSignals(log);
  signals.onHangup(() => log.reopen());
  using _limit = limitShutdown(signals.stop, config.shutdownTimeoutMs, log);
  using _crash = logCrashes(log);

  announce(resolved, log, context.out);
  for (const notice of resolved.notices) log.warn(notice);
  const runServer = await context.loadServer();
  const exitCode = await runServer(config, secrets, log, {
    stop: signals.stop,
    onReady: reportReady,
    onHangup: (listener) => signals.onHangup(listener),
    onUser1: (listener) => signals.onUser1(listener),
    readConfig: () => loadConfig(args, context.env, context.cwd).config,
  });
  log.info('shutdown completed', { exitCode });
  return exitCode;
}

/** On the standard output, except where that is read by machines; with a log file, there too. */
function announce(resolved: ResolvedConfig, log: Log, out: (text: string) => void): void {
  const { logFile, logFormat } = resolved.config;
  const lines = startupLines(resolved);
  const forPeople = logFormat === 'text' || logFile !== undefined;
  if (forPeople) out(`${lines.join('\n')}\n`);
  if (!forPeople || logFile !== undefined) for (const line of lines) log.info(line);
}

/** A server that does not stop in its time is ended; what it has acknowledged is on disk. */
function limitShutdown(stop: AbortSignal, timeoutMs: number, log: Log): Disposable {
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    timer = setTimeout(() => {
      log.error('the server did not stop in time and is ended');
      process.exit(EXIT_FAILURE);
    }, timeoutMs + FORCED_EXIT_GRACE_MS);
  };
  stop.addEventListener('abort', start, { once: true });
  return {
    [Symbol.dispose]: () => {
      stop.removeEventListener('abort', start);
      clearTimeout(timer);
    },
  };
}

/** A bug ends the process, and the log says where it was. */
function logCrashes(log: Log): Disposable {
  const crash = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error('bug: the process ends', { error: stack ?? String(error) });
    process.exit(EXIT_FAILURE);
  };
  process.on('uncaughtException', crash);
  return { [Symbol.dispose]: () => process.off('uncaughtException', crash) };
}
