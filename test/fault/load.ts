import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256 } from '../../src/base/sha256.js';
import {
  rawKeyOf,
  rawReferenceValue,
  rawSortedSetKey,
  rawValueOf,
  verifySet,
} from '../../src/proofs/index.js';
import {
  dualProofFromMessage,
  frameChunk,
  type pb,
  signatureFromMessage,
  txHeaderFromMessage,
  valueChunks,
} from '../../src/wire/index.js';
import { Random } from '../sdk/support/random.js';
import { CallError, GrpcClient } from '../support/grpc-client.js';
import type { ExpectedEntry, Journal } from './journal.js';

export interface LoadOptions {
  readonly port: number;
  readonly journal: Journal;
  /** Different in each load on one journal: keys start with it. */
  readonly round: string;
  readonly seed: number;
  /** Writers go on after an error; without it each ends with its first one. */
  readonly persistent?: boolean;
  /** Entries of a bulk write. */
  readonly bulkEntries?: number;
}

/** CANCELLED, RESOURCE_EXHAUSTED, UNAVAILABLE: how a fault may show. No other status may come. */
const OUTAGES: ReadonlySet<number> = new Set([1, 8, 14]);

type Step = (lane: Lane) => Promise<void>;

const PAUSE_AFTER_ERROR_MS = 5;
const WARM_UP_WRITES = 16;
const WARM_UP_MS_MAX = 10_000;
const HOT_KEYS = 10;
const STREAMED_BYTES_MAX = 1_200_000;
const BULK_ENTRIES = 1000;

export function expectedValue(key: Buffer, value: Uint8Array): ExpectedEntry {
  return { rawKey: rawKeyOf(key), hValue: sha256(rawValueOf(value)) };
}

function expectedReference(key: Buffer, target: Buffer, atTx: number): ExpectedEntry {
  const hValue = sha256(rawReferenceValue(target, atTx));
  return { rawKey: rawKeyOf(key), hValue, target: { key: target, atTx } };
}

function expectedElement(set: Buffer, score: number, key: Buffer, atTx: number): ExpectedEntry {
  return { rawKey: rawSortedSetKey(set, score, key, atTx), hValue: sha256(Buffer.alloc(0)) };
}

function headerOf(tx: pb.Tx | undefined): pb.TxHeader {
  assert.ok(tx?.header, 'an answer without a header');
  return tx.header;
}

/** One writer: its connection, its own keys, its own chance. */
class Lane {
  readonly client: GrpcClient;
  readonly random: Random;
  readonly journal: Journal;
  readonly bulkEntries: number;
  readonly #prefix: string;
  readonly #hotPrefix: string;
  #count = 0;

  constructor(name: string, client: GrpcClient, options: LoadOptions) {
    this.client = client;
    this.journal = options.journal;
    this.random = new Random(
      options.seed ^ Number.parseInt(Buffer.from(name).toString('hex', 0, 3), 16),
    );
    this.bulkEntries = options.bulkEntries ?? BULK_ENTRIES;
    this.#prefix = `${options.round}/${name}/`;
    this.#hotPrefix = `hot/${name}/`;
  }

  /** A key that was never used. */
  freshKey(): Buffer {
    return Buffer.from(`${this.#prefix}${this.#count++}`);
  }

  /** A key that is written again and again, in all rounds. */
  hotKey(): Buffer {
    return Buffer.from(`${this.#hotPrefix}${this.random.below(HOT_KEYS)}`);
  }

  value(bytesMax = this.random.chance(5) ? 20_000 : 400): Buffer {
    return this.bytes(this.random.below(bytesMax));
  }

  bytes(length: number): Buffer {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.random.below(2 ** 32);
    return Buffer.from(words.buffer, 0, length);
  }

  async set(key: Buffer): Promise<number> {
    const value = this.value();
    return this.journal.perform(
      'Set',
      () => [expectedValue(key, value)],
      () => this.client.call('Set', { KVs: [{ key, value }] }),
    );
  }
}

async function set(lane: Lane): Promise<void> {
  await lane.set(lane.random.chance(40) ? lane.hotKey() : lane.freshKey());
}

/** Keeps its trusted state, as a verifying client does. */
function verifiableSet(trustIndex: number): Step {
  return async (lane) => {
    const { journal, client } = lane;
    const trust = journal.trusts[trustIndex];
    assert.ok(trust);
    const [key, value] = [lane.freshKey(), lane.value()];
    let answer: pb.VerifiableTx | undefined;
    await journal.perform(
      'VerifiableSet',
      () => [expectedValue(key, value)],
      async () => {
        const setRequest = { KVs: [{ key, value }] };
        const proveSinceTx = trust.state.txId;
        answer = await client.call('VerifiableSet', { setRequest, proveSinceTx });
        return headerOf(answer.tx);
      },
    );
    const verdict = verifySet(
      [{ key, value }],
      {
        header: txHeaderFromMessage(answer?.tx?.header),
        dualProof: dualProofFromMessage(answer?.dualProof),
        signature: signatureFromMessage(answer?.signature)?.signature,
      },
      trust,
    );
    assert.ok(verdict.ok, verdict.ok ? '' : `VerifiableSet: ${verdict.reason}`);
    journal.trusts[trustIndex] = { ...trust, state: verdict.state };
  };
}

async function execAll(lane: Lane): Promise<void> {
  const [first, second, reference] = [lane.freshKey(), lane.freshKey(), lane.freshKey()];
  const [one, two] = [lane.value(), lane.value()];
  const zSet = Buffer.from(`${first}/set`);
  const score = lane.random.below(1000) - 500;
  await lane.journal.perform(
    'ExecAll',
    (txId) => [
      expectedValue(first, one),
      expectedValue(second, two),
      expectedReference(reference, first, txId),
      expectedElement(zSet, score, second, 0),
    ],
    () =>
      lane.client.call('ExecAll', {
        Operations: [
          { operation: 'kv', kv: { key: first, value: one } },
          { operation: 'kv', kv: { key: second, value: two } },
          { operation: 'ref', ref: { key: reference, referencedKey: first, boundRef: true } },
          { operation: 'zAdd', zAdd: { set: zSet, score, key: second } },
        ],
      }),
  );
}

async function bulkSet(lane: Lane): Promise<void> {
  const KVs = Array.from({ length: lane.bulkEntries }, () => ({
    key: Buffer.concat([Buffer.from('bulk/'), lane.bytes(16)]),
    value: lane.bytes(64),
  }));
  await lane.journal.perform(
    'Set of many',
    () => KVs.map(({ key, value }) => expectedValue(key, value)),
    () => lane.client.call('Set', { KVs }),
  );
}

async function setAndDelete(lane: Lane): Promise<void> {
  const key = lane.random.chance(50) ? lane.hotKey() : lane.freshKey();
  await lane.set(key);
  await lane.journal.perform(
    'Delete',
    () => [{ rawKey: rawKeyOf(key), hValue: sha256(Buffer.alloc(0)), deleted: true }],
    () => lane.client.call('Delete', { keys: [key] }),
  );
}

async function setReference(lane: Lane): Promise<void> {
  const target = lane.freshKey();
  const targetTx = await lane.set(target);
  const key = lane.freshKey();
  const atTx = lane.random.chance(50) ? targetTx : 0;
  await lane.journal.perform(
    'SetReference',
    () => [expectedReference(key, target, atTx)],
    () =>
      lane.client.call('SetReference', { key, referencedKey: target, atTx, boundRef: atTx > 0 }),
  );
  if (atTx === 0) await lane.set(target);
}

async function zAdd(lane: Lane): Promise<void> {
  const key = lane.freshKey();
  await lane.set(key);
  const zSet = lane.hotKey();
  const score = lane.random.below(1_000_000) / 7 - 70_000;
  await lane.journal.perform(
    'ZAdd',
    () => [expectedElement(zSet, score, key, 0)],
    () => lane.client.call('ZAdd', { set: zSet, score, key }),
  );
}

async function streamSet(lane: Lane): Promise<void> {
  const pairs = [
    { key: lane.freshKey(), value: lane.value() },
    { key: lane.freshKey(), value: lane.bytes(lane.random.below(STREAMED_BYTES_MAX)) },
  ];
  const chunks = pairs.flatMap(({ key, value }) => [frameChunk(key), ...valueChunks(value)]);
  await lane.journal.perform(
    'streamSet',
    () => pairs.map(({ key, value }) => expectedValue(key, value)),
    () =>
      lane.client.write(
        'streamSet',
        chunks.map((content) => ({ content })),
      ),
  );
}

interface WriterPlan {
  readonly name: string;
  readonly step: Step;
  readonly login: 'token' | 'session';
  /** Calls at once. */
  readonly lanes?: number;
}

/** Clients of both generations, each with a kind of write of its own. */
const WRITERS: readonly WriterPlan[] = [
  { name: 'set', step: set, login: 'token', lanes: 4 },
  { name: 'verifiable', step: verifiableSet(0), login: 'session' },
  { name: 'exec', step: execAll, login: 'token' },
  { name: 'bulk', step: bulkSet, login: 'session' },
  { name: 'delete', step: setAndDelete, login: 'session' },
  { name: 'reference', step: setReference, login: 'token' },
  { name: 'sorted', step: zAdd, login: 'session' },
  { name: 'stream', step: streamSet, login: 'token' },
];

/** Eight writers at work on one database. */
export class Load implements AsyncDisposable {
  readonly #clients: GrpcClient[] = [];
  readonly #options: LoadOptions;
  #lanes: Promise<void>[] = [];
  #stopping = false;

  private constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Logs all writers in and starts them. */
  static async start(options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    try {
      const clients = await Promise.all(
        WRITERS.map(async ({ login }) => {
          const client = new GrpcClient(options.port);
          load.#clients.push(client);
          await (login === 'token' ? client.login() : client.openSession());
          return client;
        }),
      );
      load.#lanes = WRITERS.flatMap(({ name, step, lanes = 1 }, i) =>
        Array.from({ length: lanes }, (_, number) => {
          const lane = new Lane(
            lanes === 1 ? name : `${number}-${name}`,
            clients[i] as GrpcClient,
            options,
          );
          const running = load.#run(lane, step);
          // Whoever stops the load is told.
          running.catch(() => {});
          return running;
        }),
      );
      return load;
    } catch (error) {
      await load[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #run(lane: Lane, step: Step): Promise<void> {
    while (!this.#stopping) {
      try {
        await step(lane);
      } catch (error) {
        if (!(error instanceof CallError) || !OUTAGES.has(error.code)) throw error;
        if (this.#options.persistent !== true) return;
        await delay(PAUSE_AFTER_ERROR_MS);
      }
    }
  }

  /** Resolves when writes are acknowledged, so that a fault finds something to destroy. */
  async atWork(): Promise<void> {
    const { journal } = this.#options;
    const enough = journal.acknowledgedTotal + WARM_UP_WRITES;
    const deadline = performance.now() + WARM_UP_MS_MAX;
    while (journal.acknowledgedTotal < enough && performance.now() < deadline) {
      await Promise.race([delay(5), ...this.#lanes]);
    }
  }

  /** Lets calls under way end. @throws what a writer found wrong */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#lanes);
  }

  /** Resolves when every writer has met an error. @throws what a writer found wrong */
  async ended(): Promise<void> {
    await Promise.all(this.#lanes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    for (const client of this.#clients) client.close();
    await Promise.allSettled(this.#lanes);
  }
}
