import { UsageError } from './errors.js';
import type { OptionRow } from './options.js';
import type { Print } from './print.js';
import type { Program } from './program.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

interface Word {
  readonly name: string;
  readonly summary: string;
}

/** What may be the first word, and what may follow it. */
interface Words {
  readonly program: string;
  readonly options: readonly OptionRow[];
  readonly first: readonly Word[];
  readonly second: ReadonlyMap<string, readonly Word[]>;
}

function wordsOf<P extends Print>(program: Program<P>): Words {
  const groups = program.row.groups ?? [];
  const single = program.commands.filter(({ name }) => !name.includes(' '));
  const second = groups.map((group) => {
    const names = new Map<string, string>();
    for (const { name, summary } of program.commandsOf(group)) {
      const word = name.split(' ')[1] as string;
      if (!names.has(word)) names.set(word, summary);
    }
    return [group.name, [...names].map(([name, summary]) => ({ name, summary }))] as const;
  });
  return {
    program: program.name,
    options: program.options.rows.filter(({ ignored }) => ignored !== true),
    first: [...single, ...groups, ...program.own],
    second: new Map(second),
  };
}

/** Of shell words in single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function namesOf(words: readonly Word[]): string {
  return quoted(words.map(({ name }) => name).join(' '));
}

function bash({ program, options, first, second }: Words): string {
  const flags = quoted(options.map(({ name }) => `--${name}`).join(' '));
  const groups = [...second].map(
    ([name, words]) =>
      `      ${name}) COMPREPLY=($(compgen -W ${namesOf(words)} -- "$current")) ;;`,
  );
  return `_${program}() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W ${flags} -- "$current"))
  elif [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W ${namesOf(first)} -- "$current"))
  elif [[ $COMP_CWORD -eq 2 ]]; then
    case "\${COMP_WORDS[1]}" in
${[...groups, '      *) COMPREPLY=($(compgen -f -- "$current")) ;;'].join('\n')}
    esac
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _${program} ${program}
`;
}

function zsh({ program, options, first, second }: Words): string {
  const described = (words: readonly Word[], indent: string) =>
    words.map(({ name, summary }) => indent + quoted(`${name}:${summary}`)).join('\n');
  const groups = [...second].map(
    ([name, words]) =>
      `      ${name})\n        commands=(\n${described(words, '          ')}\n        )\n        _describe command commands ;;`,
  );
  return `#compdef ${program}
_${program}() {
  local -a commands flags
  commands=(
${described(first, '    ')}
  )
  flags=(
${options.map(({ name }) => `    ${quoted(`--${name}`)}`).join('\n')}
  )
  if [[ "\${words[CURRENT]}" == -* ]]; then
    compadd -- $flags
  elif (( CURRENT == 2 )); then
    _describe command commands
  elif (( CURRENT == 3 )); then
    case "\${words[2]}" in
${[...groups, '      *) _files ;;'].join('\n')}
    esac
  else
    _files
  fi
}
compdef _${program} ${program}
`;
}

function fish({ program, options, first, second }: Words): string {
  const line = (condition: string, { name, summary }: Word) =>
    `complete -c ${program} -n ${quoted(condition)} -a ${name} -d ${quoted(summary)}`;
  const lines = first.map((word) => line('__fish_use_subcommand', word));
  for (const [group, words] of second) {
    for (const word of words) lines.push(line(`__fish_seen_subcommand_from ${group}`, word));
  }
  for (const { name, short, summary, kind } of options) {
    const letter = short === undefined ? '' : ` -s ${short}`;
    const value = kind === 'switch' ? '' : ' -r';
    lines.push(`complete -c ${program} -l ${name}${letter}${value} -d ${quoted(summary)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** What a shell must read to complete commands and flags. @throws UsageError */
export function renderCompletion<P extends Print>(
  program: Program<P>,
  shell: string | undefined,
): string {
  const words = wordsOf(program);
  switch (shell) {
    case 'bash':
      return bash(words);
    case 'zsh':
      return zsh(words);
    case 'fish':
      return fish(words);
    default:
      throw new UsageError(`expected completion ${SHELLS.join(', ')}, got ${shell ?? 'nothing'}`);
  }
}
