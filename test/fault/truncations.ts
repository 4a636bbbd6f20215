import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { State } from '../../src/proofs/index.js';
import { stateFromMessage } from '../../src/wire/index.js';
import { CallError, GrpcClient } from '../support/grpc-client.js';
import { projectRoot } from '../support/project.js';
import { verifiedTx } from './check.js';
import { Bench, type Report, type SuiteOptions } from './suite.js';

const DATABASE = 'retained';
/** All that was written before now. */
const TRUNCATE = { database: DATABASE, retentionPeriod: 0 };
const NEW_KEY = Buffer.from('new');
const TXS = 40;
const ENTRIES_A_TX = 100;
const VALUE_BYTES = 4000;
const ROUND_TIMEOUT_MS = 90_000;
const REMOVED_TIMEOUT_MS = 30_000;
const KILL_MS_MAX = 120;
const GOES_ON = 'the removal of old values goes on';

/**
 * Kills a server while it removes the values of old transactions. After the restart it goes on by itself;
 * then all of them are gone, none of the newer ones is, and the history is what it was.
 */
export async function killDuringTruncation(
  report: Report,
  options: SuiteOptions,
  rounds: number,
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    await using bench = await Bench.make({ ...options, seed: options.seed + round });
    const ok = await report.test(`kill -9 in a truncation, round ${round}`, ROUND_TIMEOUT_MS, () =>
      oneRound(bench),
    );
    if (!ok) return bench.fail();
  }
}

async function oneRound(bench: Bench): Promise<string> {
  await bench.start();
  let state: State;
  {
    using client = await clientOf(bench, { create: true });
    for (let tx = 1; tx <= TXS; tx++) await client.call('Set', { KVs: entries(tx) });
    await nextSecond();
    await client.call('Set', { KVs: [{ key: NEW_KEY, value: Buffer.from('kept') }] });
    state = stateFromMessage(await client.call('CurrentState', {}));
  }
  const killedAfter = await truncateAndKill(bench);
  await bench.start();
  using client = await clientOf(bench);
  const wentOn = bench.server.log.includes(GOES_ON);
  if (wentOn || (await isRemoved(client, 1))) {
    await removed(client);
    const found = await client.call('Get', { key: NEW_KEY });
    assert.equal(Buffer.from(found.value).toString(), 'kept');
  } else {
    // It was killed before it knew.
    await client.call('TruncateDatabase', TRUNCATE);
    await removed(client);
  }
  await checkHistory(client, state);
  await client.call('Set', { KVs: entries(TXS + 2) });
  await bench.stop();
  await checkOffline(bench.dir);
  return `killed after ${killedAfter} ms, ${wentOn ? 'in the middle' : 'before or after it'}`;
}

/**
 * Times of commits are in whole seconds, and a truncation takes what was committed before the second that
 * it is asked for in. What follows now has nearly a second to be written and to be kept.
 */
async function nextSecond(): Promise<void> {
  await delay(1010 - (Date.now() % 1000));
}

async function clientOf(bench: Bench, { create = false } = {}): Promise<GrpcClient> {
  const client = new GrpcClient(bench.port);
  await client.login();
  if (create) await client.call('CreateDatabaseV2', { name: DATABASE });
  await client.useDatabase(DATABASE);
  return client;
}

function entries(tx: number) {
  return Array.from({ length: ENTRIES_A_TX }, (_, i) => ({
    key: keyOf(tx, i),
    value: randomBytes(VALUE_BYTES),
  }));
}

function keyOf(tx: number, entry: number): Buffer {
  return Buffer.from(`tx ${tx} entry ${entry}`);
}

/** @returns milliseconds between the call and the kill */
async function truncateAndKill(bench: Bench): Promise<number> {
  using client = await clientOf(bench);
  // Its answer may come before the end of the server, or not.
  const call = client.call('TruncateDatabase', TRUNCATE).catch((error: unknown) => {
    assert.ok(error instanceof CallError);
  });
  const ms = bench.random.below(KILL_MS_MAX);
  await delay(ms);
  await bench.server.kill();
  await call;
  return ms;
}

/** Whether the last value of an old transaction is gone. */
async function isRemoved(client: GrpcClient, tx: number): Promise<boolean> {
  try {
    await client.call('Get', { key: keyOf(tx, ENTRIES_A_TX - 1) });
    return false;
  } catch (error) {
    assert.ok(error instanceof CallError && /was removed/.test(error.details), String(error));
    return true;
  }
}

/** Waits until the values of all old transactions are gone. */
async function removed(client: GrpcClient): Promise<void> {
  const until = Date.now() + REMOVED_TIMEOUT_MS;
  for (let tx = TXS; tx >= 1; ) {
    if (await isRemoved(client, tx)) {
      tx--;
      continue;
    }
    assert.ok(Date.now() < until, `the values of transaction ${tx} were not removed`);
    await delay(20);
  }
}

/** A client that knew the state before can prove every transaction still. */
async function checkHistory(client: GrpcClient, state: State): Promise<void> {
  for (const txId of [1, Math.ceil(TXS / 2), TXS, TXS + 1]) {
    const verdict = await verifiedTx(client, txId, { state });
    assert.ok(verdict.ok, verdict.ok ? '' : `transaction ${txId}: ${verdict.reason}`);
  }
  const now = stateFromMessage(await client.call('CurrentState', {}));
  assert.deepEqual([now.txId, now.txHash], [state.txId, state.txHash]);
}

/** `stele check` finds nothing wrong. */
async function checkOffline(dir: string): Promise<void> {
  const program = path.join(projectRoot, 'dist/src/cli/stele.js');
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'check', '--dir', dir]);
  assert.match(stdout, new RegExp(`^${DATABASE}: sound; `, 'm'));
}
