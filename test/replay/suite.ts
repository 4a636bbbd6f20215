import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { globSync } from '../support/glob.js';
import { GrpcClient } from '../support/grpc-client.js';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { Deviations } from './deviations.js';
import { playTrace, type StepResult, sendOver } from './play.js';
import { Report } from './report.js';
import type { Trace } from './trace.js';

/**
 * Replays what real servers were asked and compares the answers. Each trace gets a server of its own on an
 * empty directory; `test/wire/deviations.json` lists, one by one and with its reason, where ours answers
 * otherwise on purpose.
 *
 * Starting a server takes 0.4 s of processor time, about half of what a trace costs: two run at once, and
 * more would not be faster on two cores.
 */

/** The recordings of 1.x logged in with `Login` and have version 1 all the same. */
const HEADER_VERSIONS: Readonly<Record<string, string>> = { 'v0.9.2': '0' };
const AT_ONCE = 2;
const STOP_TIMEOUT_MS = 12_000;
const FOLDER = path.join(projectRoot, 'test/vectors/wire');

/** @throws Error when the server does not start, or does not end as it should */
async function replay(trace: Trace, headerVersion: string): Promise<StepResult[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stele-replay-'));
  try {
    await using server = await ServerProcess.start({
      dir: path.join(folder, 'data'),
      port: await freePort(),
      flags: ['--write-tx-header-version', headerVersion],
    });
    const results = await play(trace, server);
    server.signal('SIGTERM');
    const { code, signal } = await server.ended(STOP_TIMEOUT_MS);
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal}:\n${server.log}`);
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function play(trace: Trace, { port }: ServerProcess): Promise<StepResult[]> {
  using client = new GrpcClient(port);
  return await playTrace(trace, sendOver(client));
}

/** @param name version and scenario, such as `v1.11.1/scan` */
async function run(name: string, report: Report): Promise<void> {
  const trace = JSON.parse(await readFile(path.join(FOLDER, `${name}.json`), 'utf8')) as Trace;
  const headerVersion = HEADER_VERSIONS[path.posix.dirname(name)] ?? '1';
  try {
    report.played(name, await replay(trace, headerVersion));
  } catch (error) {
    report.broke(name, trace.steps.length, error);
  }
}

async function main(): Promise<void> {
  const only = process.argv[2];
  const names = globSync(FOLDER, '.json')
    .map((file) => path.relative(FOLDER, file).replaceAll(path.sep, '/').slice(0, -'.json'.length))
    .filter((name) => only === undefined || name.includes(only));
  const report = new Report(Deviations.read());
  const worker = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      await run(name, report);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // A part of the traces does not need every deviation.
  const passed = report.end({ complete: only === undefined });
  process.exitCode = passed ? 0 : 1;
}

await main();
