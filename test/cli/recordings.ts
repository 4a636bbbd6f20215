import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot, readVector } from '../support/project.js';

/** One recorded run of a client of immudb. */
export interface Recorded {
  readonly scene: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin:
    | string
    | {
        readonly devNull?: boolean;
        readonly terminal?: boolean;
        readonly dialogue?: readonly { readonly type: string }[];
      };
  readonly exitCode: number | string;
  readonly stdout?: string | null;
  readonly stderr?: string;
  readonly varies?: readonly { readonly kind: string; readonly value: string }[];
}

/** What is piped into ours: what was typed at a terminal goes into a pipe instead. */
export function pipedInto({ stdin }: Recorded): string {
  if (typeof stdin === 'string') return stdin;
  return (stdin.dialogue ?? []).map(({ type }) => type).join('');
}

/** How a run of ours differs on purpose. */
export interface Deviation {
  /** Which recordings: absent fields match all. */
  readonly generation?: string;
  /** Place in the recording, from 0. */
  readonly at?: number;
  readonly scene?: string;
  readonly args?: readonly string[];
  readonly argsMatch?: string;
  readonly stdin?: string;
  readonly exitCode?: number;
  readonly stdoutMatch?: string;
  readonly stderrMatch?: string;
  /** What ours gives. */
  readonly expect: {
    readonly exitCode?: number;
    readonly stdout?: string;
    /** Of the recorded output, a pattern that ours does not print. */
    readonly without?: string;
    /** In the recorded output, a pattern and what ours prints in its place. */
    readonly replace?: readonly [string, string];
    /** A pattern of all that ours prints. */
    readonly match?: string;
  };
  /** Ours is run with these words in place of the recorded ones. */
  readonly instead?: readonly string[];
  /** Not run: it would change what the recordings after it are about. */
  readonly notRun?: boolean;
  readonly reason: string;
}

export function recordingsOf(generation: string, program = 'immuclient'): readonly Recorded[] {
  return readVector(`cli/${program}-v${generation}.json`) as readonly Recorded[];
}

export function deviations(name = 'deviations.json'): readonly Deviation[] {
  const file = path.join(projectRoot, 'test/cli', name);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Deviation[];
}

/** The first that matches. */
export function deviationOf(
  generation: string,
  at: number,
  recorded: Recorded,
  all: readonly Deviation[],
): Deviation | undefined {
  const { scene, args, stdin, exitCode, stdout, stderr } = recorded;
  return all.find(
    (deviation) =>
      (deviation.generation === undefined || deviation.generation === generation) &&
      (deviation.at === undefined || deviation.at === at) &&
      (deviation.scene === undefined || deviation.scene === scene) &&
      (deviation.args === undefined || deviation.args.join('\0') === args.join('\0')) &&
      (deviation.argsMatch === undefined || new RegExp(deviation.argsMatch).test(args.join(' '))) &&
      (deviation.stdin === undefined || deviation.stdin === stdin) &&
      (deviation.exitCode === undefined || deviation.exitCode === exitCode) &&
      (deviation.stdoutMatch === undefined ||
        new RegExp(deviation.stdoutMatch).test(stdout ?? '')) &&
      (deviation.stderrMatch === undefined || new RegExp(deviation.stderrMatch).test(stderr ?? '')),
  );
}

const TIME = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC/g;
const HASH = /[0-9a-f]{64}/g;

/** Both outputs without what differs from run to run: hashes over times, and times. */
export function comparable(
  { varies = [] }: Recorded,
  expected: string,
  found: string,
): [string, string] {
  const hashes = new Set(varies.filter(({ kind }) => kind === 'hash').map(({ value }) => value));
  const foundLines = found.split('\n');
  const expectedLines = expected.split('\n').map((line, at) => {
    const hash = line.match(HASH)?.[0];
    if ((hash !== undefined && hashes.has(hash)) || line.includes('<hash>')) {
      foundLines[at] = foundLines[at]?.replace(HASH, '<hash>') ?? '';
      return line.replace(HASH, '<hash>');
    }
    return line;
  });
  const plain = (lines: readonly string[]) => lines.join('\n').replace(TIME, '<time>');
  return [plain(expectedLines), plain(foundLines)];
}
