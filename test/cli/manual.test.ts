import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { STELEADMIN } from '../../src/cli/admin/program.js';
import { STELECLIENT } from '../../src/cli/client/program.js';
import { COMPLETION_SHELLS, renderCompletion } from '../../src/cli/kit/completion.js';
import { renderManPage } from '../../src/cli/kit/man-page.js';
import type { Manual } from '../../src/cli/kit/manual.js';
import { programManual } from '../../src/cli/kit/program-manual.js';
import { steleManual } from '../../src/cli/main.js';

const execute = promisify(execFile);
const manuals: readonly Manual[] = [
  await steleManual(),
  programManual(STELECLIENT),
  programManual(STELEADMIN),
];

/** What bash proposes for the last of the words. */
async function proposed(manual: Manual, words: readonly string[]): Promise<string[]> {
  const { program } = manual;
  const line = [program, ...words].map((word) => `'${word}'`).join(' ');
  const script = `${renderCompletion(manual, 'bash')}
    COMP_WORDS=(${line}) COMP_CWORD=${words.length}; _${program}
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execute('bash', ['-c', script]);
  return stdout.split('\n').filter((word) => word !== '');
}

for (const manual of manuals) {
  const { program, commands, options } = manual;

  test(`${program}: bash proposes commands, actions and flags`, async () => {
    const firsts = new Set(commands.map(({ name }) => name.split(' ')[0] as string));
    assert.deepEqual((await proposed(manual, [''])).sort(), [...firsts].sort());
    for (const { name, actions } of commands) {
      if (actions !== undefined) assert.deepEqual(await proposed(manual, [name, '']), actions);
    }
    const flags = options.flatMap((section) => section.options.map((option) => `--${option.name}`));
    assert.deepEqual(await proposed(manual, ['--']), flags);
  });

  test(`${program}: every shell is told of every command and flag`, () => {
    const flags = options.flatMap((section) => section.options.map((option) => option.name));
    for (const shell of COMPLETION_SHELLS) {
      const script = renderCompletion(manual, shell) ?? '';
      const words = commands.flatMap(({ name }) => name.split(' ').slice(0, 2));
      for (const word of [...words, ...flags]) {
        assert.ok(script.includes(word), `${shell} lacks ${word}`);
      }
    }
  });

  test(`${program}: the manual page has all commands and flags, and no line that roff misreads`, () => {
    const page = renderManPage(manual, '1.2.3');
    const bold = (text: string) => `\\fB${text.replaceAll('-', '\\-')}\\fR`;
    for (const { name } of commands) assert.ok(page.includes(bold(name)), name);
    for (const { name } of options.flatMap((section) => section.options)) {
      assert.ok(page.includes(bold(`--${name}`)), name);
    }
    const known = /^\.(\\" .*|TH .*|SH .+|SS .+|TP|PP|RS|RE|nf|fi|br)$/;
    for (const line of page.split('\n')) {
      if (/^[.']/.test(line)) assert.match(line, known);
    }
  });
}
