import { parseArguments } from './arguments.js';
import type { Environment } from './environment.js';
import { envNames, flagOf } from './names.js';
import { findOption } from './options.js';

/**
 * What a copy of this server in the background is started with: the same settings, not detached again
 * whatever environment and file say, and a password in its environment where nobody else can read it.
 */
export function flagsForChild(
  argv: readonly string[],
  env: Environment,
): { readonly flags: readonly string[]; readonly env: Environment } {
  const flags: string[] = [];
  const childEnv: Record<string, string | undefined> = { ...env };
  for (const [name, { text }] of parseArguments(argv)) {
    const option = findOption(name);
    if (name === 'detached') continue;
    if (!option.sensitive) {
      flags.push(`${flagOf(name)}=${text}`);
      continue;
    }
    // An `ignored` password is of no use to the child either.
    if (name !== 'adminPassword') continue;
    for (const variable of envNames(findOption('adminPasswordFile'))) delete childEnv[variable];
    childEnv[envNames(option)[0] ?? ''] = text;
  }
  return { flags: [...flags, `${flagOf('detached')}=false`], env: childEnv };
}
