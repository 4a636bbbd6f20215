import type { CommandRow } from './command.js';
import type { Manual, ManualCommand } from './manual.js';
import type { OptionRow } from './options.js';
import type { Print } from './print.js';
import type { Program } from './program.js';

/** What is said of a program that talks to a server. */
export function programManual<P extends Print>(program: Program<P>): Manual {
  const { name, summary, groups, prefixes, options } = program.row;
  const start = program.row.withoutCommand === undefined ? [] : [''];
  const variables = prefixes.map((prefix) => `${prefix}FLAG`).join(' or ');
  return {
    program: name,
    summary: summary.charAt(0).toLowerCase() + summary.slice(1),
    usage: ['command [arguments] [flags]', ...start],
    commands: [...program.commands, ...program.own].map(manualCommand),
    groups,
    options: [{ title: '', options: shown(options) }],
    sections: [
      [
        'Environment',
        `Each flag may also be set as ${variables}, in capitals and with _ for -, and as a key of the file that --config names. Flags override the environment, which overrides the file.`,
      ],
      [
        'Files',
        `Logins, trusted states and the history of the shell are kept in ~/.local/state/stele (XDG_STATE_HOME). Without --config, ~/.config/stele/${name}.toml and /etc/stele/${name}.toml are read.`,
      ],
    ],
    seeAlso: ['stele', 'steleadmin', 'steleclient'].filter((other) => other !== name),
  };
}

function shown(options: readonly OptionRow[]): OptionRow[] {
  return options.filter(({ ignored }) => ignored !== true);
}

function manualCommand({ options = [], ...command }: CommandRow): ManualCommand {
  return { ...command, options: shown(options) };
}
