import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { FaultLibrary } from './fault-library.js';
import { Bench, type Report, type SuiteOptions, timesText } from './suite.js';

/** From the start of the process to its first answer; one in ten may take longer on a busy machine. */
const READY_MS_P90_MAX = 2000;
const READY_MS_MAX = 10_000;
const LOAD_MS_MAX = 1000;
/** Until a server has opened its files; some are killed before that. */
const OPENING_MS_MAX = 600;
const ROUND_TIMEOUT_MS = 60_000;
/** The last round looks at all that was ever written: milliseconds for each round before it. */
const LAST_CHECK_MS_EACH = 2000;

/** Kills with SIGKILL under load, on one data directory; every tenth restart is killed as well. */
export async function killUnderLoad(
  report: Report,
  options: SuiteOptions,
  rounds: number,
): Promise<void> {
  await using bench = await Bench.make(options);
  const readyMs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const timeoutMs = ROUND_TIMEOUT_MS + (round === rounds ? rounds * LAST_CHECK_MS_EACH : 0);
    const ok = await report.test(`kill -9, round ${round}`, timeoutMs, async () => {
      if (round === 1) await bench.start();
      const acknowledged = await runAndKill(bench);
      if (round % 10 === 0) {
        const opening = bench.spawn();
        await delay(bench.random.below(OPENING_MS_MAX));
        await opening.kill();
      }
      const ready = await bench.start();
      readyMs.push(ready);
      const { extra, txId } = await bench.check(round === rounds);
      assert.ok(ready < READY_MS_MAX, `ready again after ${ready.toFixed(0)} ms`);
      return (
        `${acknowledged} acknowledged, ${extra} more found, ` +
        `${txId} transactions in all, ready after ${ready.toFixed(0)} ms`
      );
    });
    if (!ok) return bench.fail();
  }
  await report.test('ready again after kill -9', ROUND_TIMEOUT_MS, async () => {
    const p90 = readyMs.toSorted((a, b) => a - b)[Math.floor(readyMs.length * 0.9)] ?? 0;
    assert.ok(p90 < READY_MS_P90_MAX, `in nine of ten times after up to ${p90.toFixed(0)} ms`);
    const { acknowledgedTotal } = bench.journal;
    return `${timesText(readyMs)}; ${acknowledgedTotal} acknowledged writes, none lost`;
  });
}

/** @returns how many writes were acknowledged */
async function runAndKill(bench: Bench): Promise<number> {
  await using load = await bench.load();
  await load.atWork();
  await delay(bench.random.below(LOAD_MS_MAX));
  await bench.server.kill();
  await load.ended();
  const acknowledged = bench.journal.acknowledged.size;
  assert.ok(acknowledged > 0, 'nothing was written before the kill');
  return acknowledged;
}

/**
 * Cuts the power under load: what was written and not synced is taken back, wholly or page by page by
 * chance. At the end the disk lies about its syncs, and the check must find out.
 */
export async function powerLossUnderLoad(
  report: Report,
  options: SuiteOptions,
  rounds: number,
): Promise<void> {
  await using bench = await Bench.make(options);
  const library = FaultLibrary.build(bench.folder);
  const env = () => library.environment({ dir: bench.dir });
  for (let round = 1; round <= rounds; round++) {
    const ok = await report.test(`loss of power, round ${round}`, ROUND_TIMEOUT_MS, async () => {
      if (round === 1) await bench.start({ env: env() });
      const acknowledged = await runAndKill(bench);
      const pages = library.losePower(bench.random, bench.random.chance(30));
      await bench.start({ env: env() });
      const { extra, txId } = await bench.check(round === rounds);
      return (
        `${acknowledged} acknowledged, ${pages} pages taken back, ${extra} more found, ` +
        `${txId} transactions in all`
      );
    });
    if (!ok) return bench.fail();
  }
  await bench.stop();
  await report.test(
    'a loss of power after syncs that were none is noticed',
    ROUND_TIMEOUT_MS,
    async () => {
      await bench.start({ env: library.environment({ dir: bench.dir, lie: true }) });
      await runAndKill(bench);
      const pages = library.losePower(bench.random, true);
      const noticed = await bench
        .start()
        .then(() => bench.check().then(() => undefined, String), String);
      assert.ok(noticed, 'everything acknowledged is there');
      return `${pages} pages taken back: ${noticed.split('\n')[0]?.slice(0, 120)}`;
    },
  );
}
