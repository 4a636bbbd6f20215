import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GrpcClient } from '../support/grpc-client.js';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { Bench, type Report, type SuiteOptions, timesText } from './suite.js';

const LOAD_MS_MAX = 600;
const STOP_MS_MAX = 10_000;
const ROUND_TIMEOUT_MS = 60_000;
const REFUSED_MS_MAX = 1000;

/** Tells servers to stop under load: they answer what they took, and end in order. */
export async function stopUnderLoad(
  report: Report,
  options: SuiteOptions,
  rounds: number,
): Promise<void> {
  await using bench = await Bench.make(options);
  const stoppedMs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const ok = await report.test(`SIGTERM, round ${round}`, ROUND_TIMEOUT_MS, async () => {
      if (round === 1) await bench.start();
      await using load = await bench.load();
      await load.atWork();
      await delay(bench.random.below(LOAD_MS_MAX));
      const ms = await bench.stop();
      await load.ended();
      stoppedMs.push(ms);
      assert.ok(ms < STOP_MS_MAX, `it took ${ms} ms`);
      const acknowledged = bench.journal.acknowledged.size;
      await bench.start();
      const { extra, txId } = await bench.check(round === rounds);
      return (
        `exit code 0 after ${ms.toFixed(0)} ms, ${acknowledged} acknowledged, ` +
        `${extra} more found, ${txId} transactions in all`
      );
    });
    if (!ok) return bench.fail();
  }
  console.log(`        from SIGTERM to the end of the process: ${timesText(stoppedMs)}`);
}

/** A second server on the same directory. */
export async function twoServers(report: Report, options: SuiteOptions): Promise<void> {
  await using bench = await Bench.make(options);
  await report.test('a second server on one directory', ROUND_TIMEOUT_MS, async () => {
    await bench.start();
    const bootMs = timeOfBoot();
    const begin = performance.now();
    await using second = ServerProcess.spawn({ dir: bench.dir, port: await freePort() });
    const { code, at } = await second.ended(STOP_MS_MAX);
    const ms = at - begin;
    assert.ok(code !== 0 && code !== null, `exit code ${code}`);
    const line = /Error: .*/.exec(second.log)?.[0] ?? '';
    assert.match(
      line,
      new RegExp(`\\b${bench.server.pid}\\b`),
      `it does not say who: ${second.log}`,
    );
    assert.ok(ms - bootMs < REFUSED_MS_MAX, `refused after ${ms} ms`);
    using client = new GrpcClient(bench.port);
    await client.login();
    const key = Buffer.from('key');
    await client.call('Set', { KVs: [{ key, value: key }] });
    return `refused with ${code} after ${ms.toFixed(0)} ms (${bootMs.toFixed(0)} ms to load Node): ${line}`;
  });
}

/** Milliseconds that the program takes to do nothing. */
function timeOfBoot(): number {
  const begin = performance.now();
  execFileSync(process.execPath, [path.join(projectRoot, 'dist/src/cli/stele.js'), 'version']);
  return performance.now() - begin;
}
