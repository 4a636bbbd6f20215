import { UsageError } from '../kit/errors.js';
import { type OptionRow, optionRow } from '../kit/options.js';
import { AdminError } from './errors.js';
import type { Call } from './print.js';

const FLAG = 'yes-i-know-what-i-am-doing';

/** For commands that destroy something. */
export const SAFETY_OPTION: OptionRow = optionRow(FLAG, 'switch', 'Do it without asking', {
  flagOnly: true,
});

/**
 * Whether to go on: the flag says so, or a person at a terminal types the name.
 * @param what as in `delete the database db1`
 * @returns false when the flag says no
 */
export async function confirmed(call: Call, what: string, name: string): Promise<boolean> {
  const { settings, connected } = call;
  if (settings.text(FLAG) !== undefined) return settings.has(FLAG);
  if (!connected.passwords.interactive) {
    throw new UsageError(`to ${what} give --${FLAG}; nobody can be asked without a terminal`);
  }
  const answer = await connected.passwords.question(`To ${what} type its name: `);
  if (answer.trim() === name) return true;
  throw new AdminError('notConfirmed', 'not confirmed; nothing was done');
}
