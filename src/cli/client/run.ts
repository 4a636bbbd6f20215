import { type Call, type Command, Connected, type World } from './context.js';
import { UsageError } from './errors.js';
import { nearest } from './nearest.js';
import { Printer } from './printer.js';
import type { Settings } from './settings.js';
import { COMMAND_NAMES, findCommand } from './table.js';

/** @throws UsageError */
export function commandNamed(name: string): Command {
  const command = findCommand(name);
  if (command !== undefined) return command;
  const hint = nearest(name, COMMAND_NAMES);
  throw new UsageError(
    `unknown command ${name}${hint === undefined ? '' : `; did you mean ${hint}?`}`,
  );
}

/** @throws UsageError */
export function checkWords({ name, usage, words: [min, max] }: Command, count: number): void {
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

/** One command outside of the shell. */
export async function runOnce(
  command: Command,
  words: readonly string[],
  settings: Settings,
  world: World,
  signal: AbortSignal,
): Promise<void> {
  checkWords(command, words.length);
  await using connected = new Connected(settings, world);
  const call: Call = {
    words,
    settings,
    connected,
    world,
    signal,
    print: new Printer(world.out, settings),
    inShell: false,
  };
  await command.run(call);
  await world.out.drained();
}
