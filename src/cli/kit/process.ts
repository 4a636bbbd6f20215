import type { ExitCode } from '../../app/exit-codes.js';
import type { Process } from './world.js';

/** Runs a program as this process. */
export async function runProcess(
  main: (args: readonly string[], world: Process) => Promise<ExitCode>,
): Promise<void> {
  const { stdin, stdout, stderr } = process;
  // `steleclient scan | head` closes the pipe early: nobody reads on, which is no error.
  let stays = false;
  stdout.on('error', () => {
    if (!stays) process.exit(0);
  });
  const drained = (): Promise<void> =>
    stdout.writableNeedDrain
      ? new Promise((resolve) => stdout.once('drain', resolve))
      : Promise.resolve();
  process.exitCode = await main(process.argv.slice(2), {
    env: process.env,
    input: stdin,
    output: stdout,
    out: { write: (data) => void stdout.write(data), drained },
    err: (text) => void stderr.write(text),
    prompt: (text) => void stderr.write(text),
    outIsTerminal: stdout.isTTY === true,
    errIsTerminal: stderr.isTTY === true,
    stayWithoutReader: () => {
      stays = true;
    },
    onInterrupt: (interrupt) => {
      process.once('SIGINT', interrupt);
      process.once('SIGTERM', interrupt);
    },
  });
  // Everything was closed; what was forgotten does not keep the process.
  stdin.unref?.();
  setTimeout(() => process.exit(), 2000).unref();
}
