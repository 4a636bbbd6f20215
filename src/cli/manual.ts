import { flagSections, SYSTEM_CONFIG_FILE } from '../app/config/index.js';
import type { Command } from './command.js';
import type { Manual } from './kit/manual.js';

export function serverManual(commands: readonly Command[]): Manual {
  return {
    program: 'stele',
    summary: 'immutable key-value database that its clients verify',
    usage: ['[flags]', 'command [--help]'],
    commands: commands.map(({ details, ...command }) => ({ ...command, details: details?.() })),
    options: flagSections(),
    sections: [
      [
        'Description',
        'Without a command, stele runs the server. It keeps every write for ever in a Merkle log, answers reads with proofs that clients verify themselves, and speaks the protocol of immudb.',
      ],
      [
        'Environment',
        'Each flag may also be set in the environment (--max-sessions as STELE_MAX_SESSIONS, or IMMUDB_MAX_SESSIONS) and as a key of the configuration file (max-sessions = 50). Flags override the environment, which overrides the file.',
      ],
      ['Files', `${SYSTEM_CONFIG_FILE} is read unless --config names another file.`],
    ],
    seeAlso: ['steleclient', 'steleadmin'],
  };
}
