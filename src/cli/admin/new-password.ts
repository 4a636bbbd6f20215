import { optionRow } from '../kit/options.js';
import { AdminError } from './errors.js';
import type { Call } from './print.js';

/** For the commands that set a password. */
export const NEW_PASSWORD_OPTIONS = [
  optionRow('new-password', 'text', 'The new password; a process list shows it', {
    value: 'TEXT',
    secret: true,
  }),
  optionRow('new-password-file', 'text', 'File with the new password in its first line', {
    value: 'FILE',
  }),
  optionRow(
    'allow-weak-password',
    'switch',
    'Send it although it is weak, for servers that take it',
  ),
];

export const NEW_PASSWORD_DETAILS =
  'The new password is asked for twice on a terminal, without echo. In scripts use --new-password-file,\n' +
  'the environment variable STELE_NEW_PASSWORD, or standard input: one line, or two that are the same.';

const LENGTH_MIN = 8;
const LENGTH_MAX = 64;

function isStrong(password: string): boolean {
  const { length } = [...password];
  return (
    length >= LENGTH_MIN &&
    length <= LENGTH_MAX &&
    /\p{Lu}/u.test(password) &&
    /\p{N}/u.test(password) &&
    /[\p{P}\p{S}]/u.test(password)
  );
}

/**
 * A password that the user chooses: given, or asked for and confirmed.
 * @throws AdminError when there is none, or the two differ, or it is weak
 */
export async function newPassword({ connected, settings }: Call, user: string): Promise<string> {
  const { passwords } = connected;
  const given = await passwords.given('new-password');
  const chosen = given ?? (await passwords.ask(`Choose a password for ${user}:`));
  if (chosen === undefined) {
    throw new AdminError(
      'passwordMissing',
      `there is no new password for ${user}: give it on standard input, with --new-password-file or in ` +
        'STELE_NEW_PASSWORD',
    );
  }
  if (!isStrong(chosen) && !settings.has('allow-weak-password')) throw weak();
  if (given !== undefined) return given;
  const again = await passwords.ask('Confirm password:');
  // A script gives it once; a second line is there to be compared.
  if (again !== undefined && again !== chosen) {
    throw new AdminError('passwordsDiffer', "Passwords don't match");
  }
  return chosen;
}

function weak(): AdminError {
  return new AdminError(
    'passwordWeak',
    `the password is weak: it needs ${LENGTH_MIN} to ${LENGTH_MAX} characters, with an upper-case letter, a digit ` +
      'and a punctuation mark or symbol',
  );
}
