import assert from 'node:assert/strict';
import { type Element, type Found, Model, shownValue, type Write } from './model.js';
import type { Random } from './random.js';
import type { Got, GotElement, Sdk, Traits } from './sdk.js';

const KEY_NOT_FOUND = 'key not found';

/** A write came out differently: nothing after it can be compared. */
export class ModelLostError extends Error {}

/** The model, the SDK, and the random choices between them. */
export class Suite {
  readonly model = new Model();
  readonly random: Random;
  readonly traits: Traits;
  sdk!: Sdk;
  verified = 0;
  /** Transaction of the state that the SDK must keep. */
  stateTx = 0;

  constructor(random: Random, traits: Traits) {
    this.random = random;
    this.traits = traits;
  }

  proved(tx: number): void {
    this.verified += 1;
    this.stateTx = Math.max(this.stateTx, tx);
    assert.equal(this.sdk.stateTx(), this.stateTx, 'state of the client');
  }

  key(): string {
    return `k${this.random.below(28)}`;
  }

  reference(): string {
    return `r${this.random.below(8)}`;
  }

  anyKey(): string {
    return this.random.chance(25) ? this.reference() : this.key();
  }

  set(): string {
    return `s${this.random.below(3)}`;
  }

  score(): number {
    return (this.random.below(60) - 10) / 2;
  }

  value(): Buffer {
    return Buffer.from(this.random.text(40));
  }

  bigValue(): Buffer {
    return Buffer.alloc(this.random.below(this.traits.streamValueMax), this.random.text(9) || 'x');
  }

  distinctKeys(most: number): string[] {
    return [...new Set(Array.from({ length: 1 + this.random.below(most) }, () => this.key()))];
  }

  limit(): number {
    return this.random.chance(40) ? 0 : 1 + this.random.below(12);
  }

  tx(): number {
    return 1 + this.random.below(this.model.last);
  }

  /** A plain key, when bound a transaction that gave it a value, and whether it can be pointed to. */
  target(bound: boolean): { key: string; atTx: number; ok: boolean } {
    const key = this.key();
    const values = this.model.versions(key).filter(({ write }) => write.kind === 'plain');
    if (bound && values.length > 0) return { key, atTx: this.random.pick(values).tx, ok: true };
    return { key, atTx: 0, ok: this.model.isLive(key) };
  }

  /** For a call that must fail with the text and leave nothing behind. */
  async refused(text: string, call: Promise<unknown>): Promise<void> {
    let answer: unknown;
    try {
      answer = await call;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      assert.ok(message.includes(text), `expected "${text}", got "${message}"`);
      return;
    }
    throw new ModelLostError(`accepted instead of "${text}": ${JSON.stringify(answer)}`);
  }

  /** The outcome of a write: refused when expected is a text, else committed as the writes. */
  async wrote(call: Promise<number>, writes: Write[], expected = ''): Promise<void> {
    if (expected) return this.refused(expected, call);
    let tx: number;
    try {
      tx = await call;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new ModelLostError(`the write failed: ${message}`);
    }
    const wanted = this.model.commit(writes);
    if (tx !== wanted) throw new ModelLostError(`transaction ${tx} instead of ${wanted}`);
  }

  async verifiedWrite(call: Promise<number>, writes: Write[], expected = ''): Promise<void> {
    await this.wrote(call, writes, expected);
    if (!expected) this.proved(this.model.last);
  }

  compare(got: Got, found: Found): void {
    assert.deepEqual(got.value, found.value, `value of ${found.key}`);
    const { value: _, ...told } = got;
    const { value: __, ...wanted } = found;
    for (const [name, part] of Object.entries(told)) {
      assert.deepEqual(part, wanted[name as keyof typeof wanted], `${name} of ${found.key}`);
    }
  }

  compareAll(got: readonly Got[], found: readonly Found[]): void {
    assert.equal(got.length, found.length, 'number of entries');
    for (const [i, one] of got.entries()) this.compare(one, found[i] as Found);
  }

  compareElements(
    got: readonly GotElement[],
    wanted: readonly { element: Element; found: Found }[],
  ): void {
    assert.deepEqual(
      got.map(({ score, key, atTx }) => ({ score, key, atTx })),
      wanted.map(({ element }) => element),
    );
    for (const [i, { value }] of got.entries()) {
      if (value) assert.deepEqual(value, wanted[i]?.found.value, 'value of an element');
    }
  }
}

export interface Operation {
  readonly weight: number;
  readonly perform: (suite: Suite) => Promise<void>;
}

async function verifiedSet(s: Suite): Promise<void> {
  const write = { kind: 'plain', key: s.key(), value: s.value() } as const;
  await s.verifiedWrite(s.sdk.verifiedSet(write.key, write.value), [write]);
}

async function set(s: Suite): Promise<void> {
  const write = { kind: 'plain', key: s.key(), value: s.value() } as const;
  await s.wrote(s.sdk.set(write.key, write.value), [write]);
}

async function setAll(s: Suite): Promise<void> {
  const kvs = s.distinctKeys(5).map((key) => [key, s.value()] as const);
  const writes = kvs.map(([key, value]) => ({ kind: 'plain', key, value }) as const);
  await s.wrote(s.sdk.setAll(kvs), writes);
}

async function setReference(s: Suite): Promise<void> {
  let key = s.reference();
  let { key: target, atTx, ok } = s.target(s.random.chance(40));
  const other = s.key();
  let expected = ok ? '' : KEY_NOT_FOUND;
  if (ok && s.random.chance(5) && other !== target && s.model.isLive(other)) {
    key = other;
    expected = 'final key cannot be converted into a reference';
  } else if (ok && s.random.chance(5) && s.model.isLive('r0')) {
    [key, target, atTx] = ['r9', 'r0', 0];
    expected = 'referenced key cannot be a reference';
  }
  const write = { kind: 'reference', key, target, atTx } as const;
  if (s.random.chance(40)) {
    return s.wrote(s.sdk.setReference(key, target, atTx), [write], expected);
  }
  const call = s.sdk.verifiedSetReference(key, target, atTx);
  if (s.traits.verifiedReferenceKeepsState) return s.wrote(call, [write], expected);
  return s.verifiedWrite(call, [write], expected);
}

async function zAdd(s: Suite): Promise<void> {
  const verified = s.random.chance(50);
  const { key, atTx, ok } = s.target(s.random.chance(40));
  const element = { score: s.score(), key, atTx };
  const write = { kind: 'element', set: s.set(), element } as const;
  let expected = ok ? '' : KEY_NOT_FOUND;
  if (!verified) return s.wrote(s.sdk.zAdd(write.set, element), [write], expected);
  if (ok && atTx > 0 && s.traits.boundZAddRefused) expected = 'illegal arguments';
  return s.verifiedWrite(s.sdk.verifiedZAdd(write.set, element), [write], expected);
}

async function execAll(s: Suite): Promise<void> {
  const keys = s.distinctKeys(3);
  const writes: Write[] = [];
  if (s.traits.execAllReferencesOnly) {
    const { key: target, atTx, ok } = s.target(true);
    if (!ok) return;
    writes.push({ kind: 'reference', key: s.reference(), target, atTx });
  } else {
    for (const key of keys) writes.push({ kind: 'plain', key, value: s.value() });
    const [target] = keys as [string];
    writes.push({ kind: 'reference', key: s.reference(), target, atTx: 0 });
    writes.push({
      kind: 'element',
      set: s.set(),
      element: { score: s.score(), key: target, atTx: 0 },
    });
  }
  await s.wrote(s.sdk.execAll(writes), writes);
}

async function deleteKeys(s: Suite): Promise<void> {
  const keys = s.random.chance(70) ? [s.anyKey()] : s.distinctKeys(2);
  const writes = keys.map((key) => ({ kind: 'deleted', key }) as const);
  const expected = keys.every((key) => s.model.isLive(key)) ? '' : KEY_NOT_FOUND;
  await s.wrote((s.sdk.delete as NonNullable<Sdk['delete']>)(keys), writes, expected);
}

async function streamSet(s: Suite): Promise<void> {
  const kvs = [
    [s.key(), s.value()],
    [`b${s.random.below(3)}`, s.bigValue()],
  ] as const;
  const writes = kvs.map(([key, value]) => ({ kind: 'plain', key, value }) as const);
  // One SDK sends nothing at all for an empty value.
  if (kvs.some(([, value]) => value.length === 0)) return;
  await s.wrote((s.sdk.streamSet as NonNullable<Sdk['streamSet']>)(kvs), writes);
}

/** The first one begins every run. */
export function writeOperations(sdk: Sdk): Operation[] {
  const all: Operation[] = [
    { weight: 12, perform: verifiedSet },
    { weight: 6, perform: set },
    { weight: 6, perform: setAll },
    { weight: 8, perform: setReference },
    { weight: 10, perform: zAdd },
    { weight: 5, perform: execAll },
  ];
  if (sdk.delete) all.push({ weight: 4, perform: deleteKeys });
  if (sdk.streamSet) all.push({ weight: 3, perform: streamSet });
  return all;
}

async function get(s: Suite): Promise<void> {
  const key = s.anyKey();
  const found = s.model.get(key);
  if (!found) return s.refused(KEY_NOT_FOUND, s.sdk.get(key));
  s.compare(await s.sdk.get(key), found);
}

async function getAt(s: Suite): Promise<void> {
  const key = s.random.pick([...s.model.keys.keys()]);
  const { tx } = s.random.pick(s.model.versions(key));
  const found = s.model.get(key, tx);
  const call = (s.sdk.getAt as NonNullable<Sdk['getAt']>)(key, tx);
  if (!found) return s.refused(KEY_NOT_FOUND, call);
  s.compare(await call, found);
}

async function getAtRevision(s: Suite): Promise<void> {
  const key = s.random.pick([...s.model.keys.keys()]);
  const versions = s.model.versions(key);
  const revision = 1 + s.random.below(versions.length);
  const version = versions[revision - 1];
  const found = version && s.model.read(version, revision);
  const back = revision - versions.length;
  const asked = back < 0 && s.random.chance(50) ? back : revision;
  const call = (s.sdk.getAtRevision as NonNullable<Sdk['getAtRevision']>)(key, asked);
  if (!found) return s.refused(KEY_NOT_FOUND, call);
  s.compare(await call, found);
}

async function verifiedGet(s: Suite): Promise<void> {
  const key = s.anyKey();
  const versions = s.model.versions(key);
  const atTx = versions.length > 0 && s.random.chance(40) ? s.random.pick(versions).tx : 0;
  const found = s.model.get(key, atTx);
  if (!found) return s.refused(KEY_NOT_FOUND, s.sdk.verifiedGet(key, atTx));
  if (found.ref && s.traits.referencesUnverifiable && (found.ref.tx !== found.tx || atTx > 0)) {
    return;
  }
  s.compare(await s.sdk.verifiedGet(key, atTx), found);
  s.proved(found.ref?.tx ?? found.tx);
}

async function getAll(s: Suite): Promise<void> {
  const keys = Array.from({ length: 1 + s.random.below(6) }, () => s.anyKey());
  const found = keys.flatMap((key) => s.model.get(key) ?? []);
  s.compareAll(await s.sdk.getAll(keys), found);
}

async function scan(s: Suite): Promise<void> {
  const request = {
    prefix: s.random.pick(['k', 'r', 'k1']),
    seekKey: s.random.chance(50) ? s.anyKey() : '',
    desc: s.random.chance(40),
    limit: s.limit(),
  };
  const { prefix, seekKey, desc } = request;
  const all = s.model
    .scan(prefix, desc)
    .filter(({ key }) => !seekKey || (desc ? key < seekKey : key > seekKey))
    .map(({ found }) => found);
  s.compareAll(await s.sdk.scan(request), request.limit > 0 ? all.slice(0, request.limit) : all);
}

async function zScan(s: Suite): Promise<void> {
  const bounds = {
    ...(s.random.chance(40) && { min: s.score() }),
    ...(s.random.chance(40) && { max: s.score() }),
  };
  const request = { set: s.set(), desc: s.random.chance(40), limit: s.limit(), ...bounds };
  const { min = -Infinity, max = Infinity } = bounds;
  const all = s.model
    .zScan(request.set, request.desc)
    .filter(({ element }) => element.score >= min && element.score <= max);
  const wanted = request.limit > 0 ? all.slice(0, request.limit) : all;
  s.compareElements(await s.sdk.zScan(request), wanted);
}

async function history(s: Suite): Promise<void> {
  const key = s.anyKey();
  const desc = s.random.chance(50);
  const versions = [...s.model.versions(key)];
  if (desc) versions.reverse();
  const offset = s.random.chance(50) ? s.random.below(versions.length + 1) : 0;
  const request = { key, offset, limit: s.limit(), desc };
  if (versions.length === 0) return s.refused(KEY_NOT_FOUND, s.sdk.history(request));
  if (offset === versions.length) return s.refused('no more entries', s.sdk.history(request));
  const wanted = versions.slice(offset, request.limit > 0 ? offset + request.limit : undefined);
  const got = await s.sdk.history(request);
  assert.deepEqual(
    got.map(({ tx, key, value }) => ({ tx, key, value: value.toString() })),
    wanted.map((version) => ({ tx: version.tx, key, value: shownValue(version).toString() })),
  );
}

async function txById(s: Suite): Promise<void> {
  const tx = s.tx();
  if (s.random.chance(60)) return verifyTx(s, tx);
  if (s.random.chance(5)) return s.refused('tx not found', s.sdk.txById(s.model.last + 1));
  assert.deepEqual(await s.sdk.txById(tx), s.model.rawEntries(tx));
}

function holdsMetadata(s: Suite, tx: number): boolean {
  return s.model.writesOf(tx).some(({ kind }) => kind === 'deleted' || kind === 'expired');
}

export async function verifyTx(s: Suite, tx: number): Promise<void> {
  if (s.traits.metadataUnverifiable && holdsMetadata(s, tx)) return;
  assert.deepEqual(await s.sdk.verifiedTxById(tx), s.model.rawEntries(tx));
  s.proved(tx);
}

async function txScan(s: Suite): Promise<void> {
  const [first, limit, desc] = [s.tx(), 1 + s.random.below(10), s.random.chance(50)];
  const ids = Array.from({ length: limit }, (_, i) => (desc ? first - i : first + i)).filter(
    (id) => id >= 1 && id <= s.model.last,
  );
  assert.deepEqual(
    await s.sdk.txScan(first, limit, desc),
    ids.map((id) => ({ id, entries: s.model.rawEntries(id) })),
  );
}

async function askServer(s: Suite): Promise<void> {
  await s.sdk.askServer(s.model.last);
}

async function streamReads(s: Suite): Promise<void> {
  const sdk = s.sdk as Required<Sdk>;
  const key = s.random.chance(50) ? `b${s.random.below(3)}` : s.anyKey();
  const found = s.model.get(key);
  if (!found) await s.refused(KEY_NOT_FOUND, sdk.streamGet(key));
  else s.compare(await sdk.streamGet(key), found);
  s.compareAll(
    await sdk.streamScan('b'),
    s.model.scan('b', false).map(({ found }) => found),
  );
  const set = s.set();
  s.compareElements(await sdk.streamZScan(set), s.model.zScan(set, false));
  const versions = s.model.versions(key);
  if (versions.length === 0) return s.refused(KEY_NOT_FOUND, sdk.streamHistory(key));
  assert.deepEqual(
    (await sdk.streamHistory(key)).map(({ value }) => value),
    versions.map(shownValue),
  );
}

export function readOperations(sdk: Sdk): Operation[] {
  const all: Operation[] = [
    { weight: 8, perform: get },
    { weight: 14, perform: verifiedGet },
    { weight: 4, perform: getAll },
    { weight: 7, perform: scan },
    { weight: 7, perform: zScan },
    { weight: 7, perform: history },
    { weight: 8, perform: txById },
    { weight: 4, perform: txScan },
    { weight: 2, perform: askServer },
  ];
  if (sdk.getAt) all.push({ weight: 4, perform: getAt });
  if (sdk.getAtRevision) all.push({ weight: 4, perform: getAtRevision });
  if (sdk.streamGet) all.push({ weight: 4, perform: streamReads });
  return all;
}
