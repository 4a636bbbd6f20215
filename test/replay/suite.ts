import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { MethodKind } from '../../src/wire/index.js';
import { globSync } from '../support/glob.js';
import { GrpcClient } from '../support/grpc-client.js';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { compareAnswer } from './compare.js';
import { parseMessage } from './message.js';
import type { Difference, Step, Trace } from './trace.js';

/**
 * Replays what real servers were asked and compares the answers. Each trace gets a server of its own on an
 * empty directory; `test/wire/deviations.json` lists, one by one and with its reason, where ours answers
 * otherwise on purpose.
 */

interface Deviation {
  readonly trace?: string;
  readonly step?: string;
  readonly path?: string;
  readonly from?: unknown;
  readonly to?: unknown;
  readonly reason: string;
}

const KINDS: Readonly<Record<string, MethodKind>> = {
  uu: 'unary',
  us: 'serverStream',
  cu: 'clientStream',
  cs: 'bidi',
};
/** The recordings of 1.x logged in with `Login` and have version 1 all the same. */
const HEADER_VERSIONS: Readonly<Record<string, string>> = { 'v0.9.2': '0' };
const AT_ONCE = 2;

class Deviations {
  readonly #all: readonly { readonly row: Deviation; used: boolean }[];

  constructor(rows: readonly Deviation[]) {
    this.#all = rows.map((row) => ({ row, used: false }));
  }

  explains(trace: string, step: string, { where, recorded, came }: Difference): boolean {
    const matches = (pattern: string | undefined, text: string) =>
      pattern === undefined || new RegExp(pattern).test(text);
    const equals = (wanted: unknown, value: unknown) =>
      wanted === undefined || JSON.stringify(wanted) === JSON.stringify(value);
    const found = this.#all.find(
      ({ row }) =>
        matches(row.trace, trace) &&
        matches(row.step, step) &&
        matches(row.path, where) &&
        equals(row.from, recorded) &&
        equals(row.to, came),
    );
    if (found !== undefined) found.used = true;
    return found !== undefined;
  }

  unused(): Deviation[] {
    return this.#all.filter(({ used }) => !used).map(({ row }) => row);
  }
}

interface Outcome {
  passed: number;
  failed: number;
}

async function replay(file: string, deviations: Deviations, outcome: Outcome): Promise<void> {
  const name = `${path.basename(path.dirname(file))}/${path.basename(file, '.json')}`;
  const trace = JSON.parse(await readFile(file, 'utf8')) as Trace;
  const folder = await mkdtemp(path.join(tmpdir(), 'stele-replay-'));
  const version = HEADER_VERSIONS[path.basename(path.dirname(file))] ?? '1';
  try {
    await using server = await ServerProcess.start({
      dir: path.join(folder, 'data'),
      port: await freePort(),
      flags: ['--write-tx-header-version', version],
    });
    using client = new GrpcClient(server.port);
    const variables = new Map<string, string>();
    for (const step of trace.steps) {
      const differences = await replayStep(step, client, variables, trace);
      const unexplained = differences.filter((d) => !deviations.explains(name, step.name, d));
      if (unexplained.length === 0) outcome.passed++;
      else {
        outcome.failed++;
        report(name, step, unexplained);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function replayStep(
  step: Step,
  client: GrpcClient,
  variables: Map<string, string>,
  trace: Trace,
): Promise<Difference[]> {
  const kind = KINDS[step.kind];
  if (kind === undefined) throw new Error(`${step.name}: unknown kind ${step.kind}`);
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(step.metadata ?? {})) {
    headers[key] = value.replace(/\$\{(\w+)\}/g, (_, variable) => variables.get(variable) ?? '');
  }
  const requests = [step.requestHex].flat().map((hex) => Buffer.from(hex, 'hex'));
  const answer = await client.raw(step.method, kind, requests, { anonymous: true, headers });
  for (const [variable, number] of Object.entries(step.capture ?? {})) {
    const [message] = answer.messages;
    const [field] = message === undefined ? [] : (parseMessage(message).get(Number(number)) ?? []);
    variables.set(variable, field === undefined ? '' : field.value.toString());
  }
  return compareAnswer(step, answer, trace.extraFields !== 'ignored');
}

function report(trace: string, step: Step, differences: readonly Difference[]): void {
  console.log(`DIFFERS  ${trace}: ${step.name} (${step.method.split('/').pop()})`);
  for (const { where, recorded, came } of differences.slice(0, 6)) {
    console.log(
      `    ${where}: ${JSON.stringify(recorded)} was recorded, ${JSON.stringify(came)} came`,
    );
  }
}

async function main(): Promise<void> {
  const list = await readFile(path.join(projectRoot, 'test/wire/deviations.json'), 'utf8');
  const deviations = new Deviations(JSON.parse(list) as Deviation[]);
  const only = process.argv[2];
  const files = globSync(path.join(projectRoot, 'test/vectors/wire'), '.json').filter(
    (file) => only === undefined || file.includes(only),
  );
  const outcome: Outcome = { passed: 0, failed: 0 };
  const worker = async () => {
    for (let file = files.shift(); file !== undefined; file = files.shift()) {
      await replay(file, deviations, outcome);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (only === undefined) {
    for (const row of deviations.unused()) {
      outcome.failed++;
      console.log(`NO LONGER OCCURS  ${JSON.stringify(row)}`);
    }
  }
  console.log(`${outcome.passed} passed, ${outcome.failed} failed`);
  process.exitCode = outcome.failed === 0 && outcome.passed > 0 ? 0 : 1;
}

await main();
