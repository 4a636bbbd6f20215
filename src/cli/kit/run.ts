import type { Call, Command } from './command.js';
import { Connected } from './connected.js';
import { UsageError } from './errors.js';
import type { Print } from './print.js';
import type { Program } from './program.js';
import type { Settings } from './settings.js';
import type { World } from './world.js';

/** @throws UsageError */
export function checkWords<P extends Print>(
  { name, usage, words: [min, max] }: Command<P>,
  count: number,
): void {
  if (count >= min && count <= max) return;
  const range =
    min === max
      ? `${min}`
      : max === Number.POSITIVE_INFINITY
        ? `${min} or more`
        : `${min} to ${max}`;
  throw new UsageError(
    `${name} takes ${range} argument${range === '1' ? '' : 's'}, got ${count}; usage: ${name} ${usage}`.trimEnd(),
  );
}

/** A flag of another command is a mistake, and not to be ignored. @throws UsageError */
export function checkFlags<P extends Print>(
  command: Command<P>,
  flags: Iterable<string>,
  program: Program<P>,
): void {
  const own = new Set([...program.row.options, ...(command.options ?? [])].map(({ name }) => name));
  for (const flag of flags) {
    if (!own.has(flag)) throw new UsageError(`${command.name} takes no flag --${flag}`);
  }
}

/** One command outside of the shell. */
export async function runOnce<P extends Print>(
  program: Program<P>,
  command: Command<P>,
  words: readonly string[],
  settings: Settings,
  world: World,
  signal: AbortSignal,
): Promise<void> {
  checkWords(command, words.length);
  await using connected = new Connected(settings, world, program.row.loginSuffix);
  const call: Call<P> = {
    words,
    settings,
    connected,
    world,
    signal,
    print: program.row.print(world.out, settings),
    inShell: false,
  };
  await command.run(call);
  await world.out.drained();
}
