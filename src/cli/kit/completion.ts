import { UsageError } from './errors.js';
import type { Manual, ManualOption } from './manual.js';

export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Of shell words in single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function optionsOf({ options }: Manual): ManualOption[] {
  return options.flatMap((section) => section.options);
}

function flagsOf(manual: Manual): string[] {
  return optionsOf(manual).map(({ name }) => `--${name}`);
}

interface FirstWord {
  readonly name: string;
  readonly summary: string;
  /** What may follow it. */
  readonly actions?: readonly string[] | undefined;
}

/** Commands of one word, and the words that begin several. */
function firstWords({ commands, groups = [] }: Manual): FirstWord[] {
  const single = commands.filter(({ name }) => !name.includes(' '));
  const several = groups.map(({ name, summary }) => {
    const own = commands.filter((command) => command.name.startsWith(`${name} `));
    return { name, summary, actions: [...new Set(own.map((one) => one.name.split(' ')[1] ?? ''))] };
  });
  return [...single, ...several];
}

function withActions(manual: Manual) {
  return firstWords(manual).flatMap(({ name, actions }) =>
    actions === undefined ? [] : { name, actions },
  );
}

function bash(manual: Manual): string {
  const { program } = manual;
  const names = firstWords(manual)
    .map(({ name }) => name)
    .join(' ');
  const cases = withActions(manual).map(
    ({ name, actions }) => `      ${name}) words=${quoted(actions.join(' '))} ;;`,
  );
  const actions = `  elif [[ $COMP_CWORD -eq 2 ]]; then
    local words=
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac
    if [[ -n "$words" ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
    else COMPREPLY=($(compgen -f -- "$current")); fi
`;
  return `_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W ${quoted(flagsOf(manual).join(' '))} -- "$current"))
  elif [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W ${quoted(names)} -- "$current"))
${cases.length === 0 ? '' : actions}  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _${program} ${program}
`;
}

function zsh(manual: Manual): string {
  const { program } = manual;
  const commands = firstWords(manual).map(({ name, summary }) => {
    const text = summary.replaceAll(':', '\\:');
    return `    ${quoted(`${name}:${text}`)}`;
  });
  const cases = withActions(manual).map(
    ({ name, actions }) => `      ${name}) compadd -- ${actions.join(' ')} ;;`,
  );
  return `#compdef ${program}
_${program}() {
  local -a commands flags
  commands=(
${commands.join('\n')}
  )
  flags=(
${flagsOf(manual)
  .map((flag) => `    ${quoted(flag)}`)
  .join('\n')}
  )
  if [[ "\${words[CURRENT]}" == -* ]]; then
    compadd -- $flags
  elif (( CURRENT == 2 )); then
    _describe command commands
  elif (( CURRENT == 3 )); then
    case "\${words[2]}" in
${[...cases, '      *) _files ;;'].join('\n')}
    esac
  else
    _files
  fi
}
compdef _${program} ${program}
`;
}

function fish(manual: Manual): string {
  const { program } = manual;
  const lines: string[] = [];
  for (const { name, summary, actions } of firstWords(manual)) {
    lines.push(`-n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
    if (actions === undefined) continue;
    const condition = `__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${actions.join(' ')}`;
    lines.push(`-n ${quoted(condition)} -a ${quoted(actions.join(' '))}`);
  }
  for (const { name, short, value, summary } of optionsOf(manual)) {
    const letter = short === undefined ? '' : ` -s ${short}`;
    const argument = value === undefined ? '' : ' -r';
    lines.push(`-l ${name}${letter}${argument} -d ${quoted(summary)}`);
  }
  return `${lines.map((line) => `complete -c ${program} ${line}`).join('\n')}\n`;
}

/** What a shell must read to complete commands and flags. @throws UsageError */
export function renderCompletion(manual: Manual, shell: string | undefined): string {
  switch (shell) {
    case 'bash':
      return bash(manual);
    case 'zsh':
      return zsh(manual);
    case 'fish':
      return fish(manual);
    default: {
      const known = COMPLETION_SHELLS.join(', ');
      throw new UsageError(`expected completion ${known}, got ${shell ?? 'nothing'}`);
    }
  }
}
