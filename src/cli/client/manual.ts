import type { Manual, ManualCommand } from '../kit/manual.js';
import { OPTIONS } from './options.js';
import { COMMANDS } from './table.js';

/** Commands of the program itself, which no server takes part in. */
export const OWN_COMMANDS: readonly ManualCommand[] = [
  {
    name: 'it',
    aliases: ['cli-mode'],
    usage: '',
    summary: 'The interactive shell, as without a command',
  },
  {
    name: 'completion',
    actions: ['bash', 'zsh', 'fish'],
    usage: 'bash|zsh|fish',
    summary: 'Print what the shell of the system must read to complete commands',
  },
  { name: 'version', usage: '', summary: 'Print the version' },
  { name: 'help', usage: '[command]', summary: 'Print this text, or how a command is used' },
];

export function clientManual(): Manual {
  return {
    program: 'steleclient',
    summary: 'reads and writes a Stele or immudb server, and verifies what it answers',
    usage: ['command [arguments] [flags]', ''],
    commands: [...COMMANDS, ...OWN_COMMANDS],
    options: [{ title: '', options: OPTIONS.filter(({ ignored }) => ignored !== true) }],
    sections: [
      [
        'Environment',
        'Each flag may also be set as STELE_FLAG or IMMUCLIENT_FLAG, in capitals and with _ for -, and as a key of the file that --config names. Flags override the environment, which overrides the file.',
      ],
      [
        'Files',
        'The trusted states of servers, the saved login and the history of the shell are kept in ~/.local/state/stele (XDG_STATE_HOME), unless --state-dir and --tokenfile say otherwise. Without --config, ~/.config/stele/steleclient.toml and /etc/stele/steleclient.toml are read.',
      ],
    ],
    seeAlso: ['stele', 'steleadmin'],
  };
}
