import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { projectRoot } from './support/project.js';

/**
 * The habits of this code base as a test: imports point down, a layer is entered through its index, files
 * and functions stay short, nothing silences the compiler, nothing points outside of the project.
 */

/** What each layer may import besides itself. */
const LAYERS: Record<string, readonly string[]> = {
  base: [],
  proofs: ['base'],
  storage: ['base', 'proofs'],
  database: ['base', 'proofs', 'storage'],
  auth: ['base', 'proofs', 'database'],
  audit: ['base', 'proofs', 'database'],
  wire: ['base', 'proofs'],
  rpc: ['base', 'proofs', 'database', 'auth', 'audit', 'wire'],
  client: ['base', 'proofs', 'wire'],
  auditor: ['base', 'proofs', 'wire', 'client'],
  gateway: ['base', 'proofs', 'wire', 'client'],
  app: ['base', 'proofs', 'storage', 'database', 'auth', 'audit', 'wire', 'rpc'],
  cli: [
    'base',
    'proofs',
    'storage',
    'database',
    'auth',
    'audit',
    'wire',
    'rpc',
    'app',
    'client',
    'auditor',
  ],
};

/** `base` is entered file by file, the rest through `index.ts`. */
const ENTERED_BY_FILE = new Set(['base', 'app']);

const FILE_LINES_MAX = 400;
/** One idea that is long by nature. */
const LONG_FILES = new Set(['src/rpc/methods.ts']);
const FUNCTION_LINES_MAX = 70;

interface Source {
  readonly name: string;
  readonly layer: string;
  readonly lines: readonly string[];
}

function sources(): Source[] {
  return readdirSync(path.join(projectRoot, 'src'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts') && !name.includes(`wire${path.sep}gen`))
    .map((name) => ({
      name: path.posix.join('src', name.split(path.sep).join('/')),
      layer: name.split(path.sep)[0] as string,
      lines: readFileSync(path.join(projectRoot, 'src', name), 'utf8').split('\n'),
    }));
}

/** Paths of the modules of ours that a file imports, from the project's root. */
function importsOf({ name, lines }: Source): string[] {
  const found = lines.join('\n').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g);
  return [...found].map(([, specifier]) =>
    path.posix.join(path.posix.dirname(name), specifier as string),
  );
}

test('imports point down and enter a layer through its index', () => {
  const wrong: string[] = [];
  for (const source of sources()) {
    const allowed = LAYERS[source.layer];
    assert.ok(allowed, `${source.name} is in a layer that has no row here`);
    for (const target of importsOf(source)) {
      const layer = target.split('/')[1] as string;
      if (layer === source.layer) continue;
      if (!allowed.includes(layer)) wrong.push(`${source.name} imports ${target}`);
      else if (!ENTERED_BY_FILE.has(layer) && !/^src\/[a-z]+\/index\.js$/.test(target)) {
        wrong.push(`${source.name} enters ${layer} by ${target}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('files stay short', () => {
  const long = sources()
    .filter(({ name, lines }) => lines.length > FILE_LINES_MAX && !LONG_FILES.has(name))
    .map(({ name, lines }) => `${name}: ${lines.length} lines`);
  assert.deepEqual(long, []);
});

/**
 * Finds functions and methods by their indentation: the formatter closes each one at the column where it
 * began.
 */
function longFunctions({ name, lines }: Source): string[] {
  const long: string[] = [];
  lines.forEach((line, start) => {
    const isHead =
      /^(\s*)(export )?(async )?function\*? /.test(line) ||
      /^ {2}(static |private |get |set |async |\*|#)*[\w#]+(<.*>)?\(.*\{$/.test(line);
    if (!isHead || !/[{(]$/.test(line)) return;
    const indent = line.length - line.trimStart().length;
    const close = `${' '.repeat(indent)}}`;
    const end = lines.findIndex((other, at) => at > start && other === close);
    if (end - start > FUNCTION_LINES_MAX) long.push(`${name}:${start + 1}: ${end - start} lines`);
  });
  return long;
}

test('functions stay short', () => {
  assert.deepEqual(sources().flatMap(longFunctions), []);
});

function isComment(line: string): boolean {
  return /^\s*(\*|\/\*|\/\/(?! @ts))/.test(line);
}

test('nothing silences the compiler', () => {
  const silenced = /:\s*any\b|\bas any\b|<any>|@ts-(ignore|nocheck|expect-error)/;
  const found = sources().flatMap(({ name, lines }) =>
    lines.flatMap((line, at) =>
      !isComment(line) && silenced.test(line) ? [`${name}:${at + 1}`] : [],
    ),
  );
  assert.deepEqual(found, []);
});

test('only the configuration reads the environment', () => {
  const found = sources()
    .filter(({ layer }) => layer !== 'app' && layer !== 'cli')
    .filter(({ lines }) => lines.some((line) => line.includes('process.env')))
    .map(({ name }) => name);
  assert.deepEqual(found, []);
});

test('proofs do no I/O and know no clock and no chance', () => {
  const forbidden =
    /node:(fs|net|http|timers|child_process)|Date\.now|Math\.random|randomBytes|async /;
  const found = sources()
    .filter(({ layer }) => layer === 'proofs')
    .flatMap(({ name, lines }) =>
      lines.flatMap((line, at) => (forbidden.test(line) ? [`${name}:${at + 1}`] : [])),
    );
  assert.deepEqual(found, []);
});

test('every dependency is pinned', () => {
  const file = readFileSync(path.join(projectRoot, 'package.json'), 'utf8');
  const { dependencies, devDependencies } = JSON.parse(file) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  assert.deepEqual(loose, []);
});
