import { UsageError } from './errors.js';
import { OPTIONS } from './options.js';
import { COMMANDS } from './table.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
const OWN_COMMANDS = ['it', 'help', 'version', 'completion'];

function flags(): string[] {
  return OPTIONS.filter(({ ignored }) => ignored !== true).map(({ name }) => `--${name}`);
}

function commandNames(): string[] {
  return [...COMMANDS.map(({ name }) => name), ...OWN_COMMANDS];
}

/** Of shell words in single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bash(): string {
  return `_steleclient() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W ${quoted(flags().join(' '))} -- "$current"))
  elif [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W ${quoted(commandNames().join(' '))} -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _steleclient steleclient
`;
}

function zsh(): string {
  const commands = COMMANDS.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const options = flags().map((flag) => `    ${quoted(flag)}`);
  return `#compdef steleclient
_steleclient() {
  local -a commands flags
  commands=(
${commands.join('\n')}
  )
  flags=(
${options.join('\n')}
  )
  if [[ "\${words[CURRENT]}" == -* ]]; then
    compadd -- $flags
  elif (( CURRENT == 2 )); then
    _describe command commands
  else
    _files
  fi
}
compdef _steleclient steleclient
`;
}

function fish(): string {
  const first = '__fish_use_subcommand';
  const lines = COMMANDS.map(
    ({ name, summary }) => `complete -c steleclient -n ${first} -a ${name} -d ${quoted(summary)}`,
  );
  for (const { name, short, summary, kind, ignored } of OPTIONS) {
    if (ignored === true) continue;
    const letter = short === undefined ? '' : ` -s ${short}`;
    const value = kind === 'switch' ? '' : ' -r';
    lines.push(`complete -c steleclient -l ${name}${letter}${value} -d ${quoted(summary)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What a shell must read to complete commands and flags. @throws UsageError */
export function renderCompletion(shell: string | undefined): string {
  switch (shell) {
    case 'bash':
      return bash();
    case 'zsh':
      return zsh();
    case 'fish':
      return fish();
    default:
      throw new UsageError(`expected completion ${SHELLS.join(', ')}, got ${shell ?? 'nothing'}`);
  }
}
