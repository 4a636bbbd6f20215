import type { Operation, Precondition } from '../../src/database/index.js';
import type { KvMetadata } from '../../src/proofs/index.js';
import type { Random } from '../sdk/support/random.js';
import { type Change, type DatabaseModel, refuse, type Version } from './database-model.js';

export type KvWrite = {
  readonly name: string;
  readonly value: string;
  readonly metadata?: KvMetadata;
};

/** One write as a client asks for it. */
export type WriteCall =
  | { readonly kind: 'set'; readonly kvs: readonly KvWrite[] }
  | { readonly kind: 'streamedSet'; readonly kv: KvWrite }
  | { readonly kind: 'delete'; readonly keys: readonly string[]; readonly sinceTx: number }
  | {
      readonly kind: 'reference';
      readonly key: string;
      readonly target: string;
      readonly atTx: number;
    }
  | Extract<Operation, { kind: 'zAdd' }>
  | { readonly kind: 'execAll'; readonly operations: readonly Operation[] };

export interface Write {
  readonly call: WriteCall;
  readonly preconditions: readonly Precondition[];
}

export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

const SETS = ['s', 's2', '\xff'];
const SCORES = [-1e300, -2.5, -1, 0, 0.5, 1, 3];
const KEYS = [
  ...Array.from({ length: 14 }, (_, i) => `k${i}`),
  ...Array.from({ length: 8 }, (_, i) => `k1/${String.fromCharCode(i * 36)}`),
  '\0',
  '\xff',
  '\xff\xff',
  'a',
];
/** Larger than what stands in the log itself. */
const LARGE = 2500;

/** Makes calls, among them some that must be refused. */
export class WriteMaker {
  readonly #random: Random;
  readonly #model: DatabaseModel;
  #values = 0;

  constructor(random: Random, model: DatabaseModel) {
    this.#random = random;
    this.#model = model;
  }

  /** The same with other random numbers. */
  with(random: Random): WriteMaker {
    return new WriteMaker(random, this.#model);
  }

  key(): string {
    const { versions } = this.#model;
    const bulk = versions.size > 60 && this.#random.chance(25);
    return bulk ? `bulk ${this.#random.below(90)}` : this.#random.pick(KEYS);
  }

  prefix(): string {
    return this.#random.pick(['', '', 'k', 'k1', 'k1/', 'bulk', 'bulk 1', '\xff', 'none']);
  }

  set(): string {
    return this.#random.pick(SETS);
  }

  score(): number {
    return this.#random.pick(SCORES);
  }

  /** A transaction that is there, mostly. */
  tx(): number {
    return this.#random.chance(4)
      ? this.#model.lastTx + 1 + this.#random.below(3)
      : 1 + this.#random.below(Math.max(1, this.#model.lastTx));
  }

  /** A key and a transaction that wrote it, mostly. */
  keyAt(): { key: string; atTx: number } {
    const key = this.key();
    const versions = this.#model.versions.get(key);
    const atTx = versions && this.#random.chance(80) ? this.#random.pick(versions).tx : this.tx();
    return { key, atTx };
  }

  #value(): string {
    const value = `v${++this.#values}`;
    return this.#random.chance(3) ? value.padEnd(LARGE, '.') : value;
  }

  #kv(): KvWrite {
    const metadata = this.#random.chance(30) ? this.#metadata() : undefined;
    return { name: this.key(), value: this.#value(), ...(metadata && { metadata }) };
  }

  #metadata(): KvMetadata {
    const expires = this.#random.chance(70);
    return {
      ...(expires ? { expiresAt: this.#model.now() + this.#random.below(6) - 1 } : {}),
      ...(!expires || this.#random.chance(20) ? { nonIndexable: true } : {}),
    };
  }

  #kvs(): KvWrite[] {
    if (this.#random.chance(15)) {
      const from = this.#random.below(60);
      const count = 9 + this.#random.below(30);
      return Array.from({ length: count }, (_, i) => ({
        name: `bulk ${from + i}`,
        value: this.#value(),
      }));
    }
    return Array.from({ length: 1 + this.#random.below(4) }, () => this.#kv());
  }

  #operations(): Operation[] {
    return Array.from({ length: 1 + this.#random.below(5) }, (): Operation => {
      const which = this.#random.below(5);
      if (which < 3) {
        const { name, value, metadata } = this.#kv();
        const kv = { key: latin1(name), value: latin1(value), ...(metadata && { metadata }) };
        return { kind: 'kv', kv };
      }
      const bound = this.#binding();
      if (which === 3) {
        const ref = { ...bound, referencedKey: bound.key, key: latin1(this.key()) };
        return { kind: 'ref', ref };
      }
      return { kind: 'zAdd', zAdd: { ...bound, set: latin1(this.set()), score: this.score() } };
    });
  }

  /** Unbound, bound to a transaction, bound to its own one, or none of these. */
  #binding(): { key: Buffer; atTx: number; boundRef: boolean } {
    const { key, atTx } = this.keyAt();
    const bytes = latin1(key);
    const which = this.#random.below(20);
    if (which < 8) return { key: bytes, atTx: 0, boundRef: false };
    if (which < 14) return { key: bytes, atTx: 0, boundRef: true };
    return { key: bytes, atTx, boundRef: which < 19 };
  }

  #precondition(): Precondition {
    const key = latin1(this.key());
    const which = this.#random.below(3);
    if (which === 0) return { kind: 'keyMustExist', key };
    if (which === 1) return { kind: 'keyMustNotExist', key };
    return { kind: 'keyNotModifiedAfterTx', key, txId: this.tx() };
  }

  write(): Write {
    const preconditions = this.#random.chance(15)
      ? Array.from({ length: 1 + this.#random.below(2) }, () => this.#precondition())
      : [];
    return { call: this.#call(), preconditions };
  }

  #call(): WriteCall {
    const which = this.#random.below(100);
    if (which < 40) return { kind: 'set', kvs: this.#kvs() };
    if (which < 43) return { kind: 'streamedSet', kv: this.#kv() };
    if (which < 55) {
      const keys = Array.from({ length: 1 + this.#random.below(2) }, () => this.key());
      return { kind: 'delete', keys, sinceTx: this.#random.chance(20) ? this.tx() : 0 };
    }
    if (which < 70) {
      const { key: target, atTx } = this.keyAt();
      return {
        kind: 'reference',
        key: this.key(),
        target,
        atTx: this.#random.chance(50) ? atTx : 0,
      };
    }
    if (which < 82) {
      const { key, atTx: tx } = this.keyAt();
      const atTx = this.#random.chance(50) ? tx : 0;
      const [set, score] = [latin1(this.set()), this.score()];
      return { kind: 'zAdd', zAdd: { key: latin1(key), atTx, boundRef: atTx > 0, set, score } };
    }
    return { kind: 'execAll', operations: this.#operations() };
  }
}

function expectTarget(model: DatabaseModel, key: string, atTx: number, committed: number): void {
  let version: Version | undefined;
  if (atTx > 0) {
    if (atTx > committed) refuse('txNotFound');
    version = model.versionAt(key, atTx);
    // A deletion has no value that could be referenced.
    if (version.deleted === true) refuse('keyNotFound');
  } else {
    version = model.newest(key);
    if (version === undefined || version.deleted === true) refuse('keyNotFound');
  }
  if (!model.isLive(version)) refuse('keyExpired');
  if (version.target !== undefined) refuse('referencedKeyIsReference');
}

function expectReferenceKey(model: DatabaseModel, key: string): void {
  const newest = model.newest(key);
  if (newest !== undefined && model.isLive(newest) && newest.target === undefined) {
    refuse('keyIsNotReference');
  }
}

function expectDistinct(names: readonly string[], code: string): void {
  if (new Set(names).size < names.length) refuse(code);
}

function kvChange({ name, value, metadata }: KvWrite): Change {
  return { name, value, expiresAt: metadata?.expiresAt, nonIndexable: metadata?.nonIndexable };
}

function expectPrecondition(model: DatabaseModel, precondition: Precondition): void {
  if (precondition.kind === 'unset') refuse('invalidPrecondition');
  const newest = model.newest(textOf(precondition.key));
  const isThere = newest !== undefined && model.isLive(newest);
  if (precondition.kind === 'keyMustExist' && !isThere) refuse('preconditionFailed');
  if (precondition.kind === 'keyMustNotExist' && isThere) refuse('preconditionFailed');
  if (precondition.kind === 'keyNotModifiedAfterTx' && (newest?.tx ?? 0) > precondition.txId) {
    refuse('preconditionFailed');
  }
}

/**
 * What a write should do to the model.
 * @param committed the last transaction that was committed when the write's batch began
 * @returns the entries of its transaction
 * @throws Refusal
 */
export function expectWrite(model: DatabaseModel, write: Write, committed: number): Change[] {
  const { call, preconditions } = write;
  // What contradicts itself is refused before the state is looked at.
  if (call.kind === 'set')
    expectDistinct(
      call.kvs.map(({ name }) => name),
      'duplicateKey',
    );
  if (call.kind === 'delete' && call.sinceTx > committed) refuse('txNotFound');
  if (call.kind === 'execAll') expectValid(call.operations);
  for (const precondition of preconditions) expectPrecondition(model, precondition);
  switch (call.kind) {
    case 'set':
      return call.kvs.map(kvChange);
    case 'streamedSet':
      return [kvChange(call.kv)];
    case 'delete':
      return expectDelete(model, call.keys);
    case 'reference':
      expectReferenceKey(model, call.key);
      expectTarget(model, call.target, call.atTx, committed);
      return [{ name: call.key, value: '', target: { key: call.target, atTx: call.atTx } }];
    case 'zAdd': {
      const { key, atTx, set, score } = call.zAdd;
      expectTarget(model, textOf(key), atTx, committed);
      return [{ element: { set: textOf(set), score, key: textOf(key), atTx } }];
    }
    case 'execAll':
      return expectExecAll(model, call.operations, committed);
  }
}

function expectDelete(model: DatabaseModel, keys: readonly string[]): Change[] {
  const named = new Set<string>();
  return keys.map((name) => {
    const newest = model.newest(name);
    if (newest === undefined || newest.deleted === true || named.has(name)) refuse('keyNotFound');
    if (!model.isLive(newest)) refuse('keyExpired');
    named.add(name);
    return { name, value: '', deleted: true };
  });
}

/** In the order of the call, the first reason counts. */
function expectValid(operations: readonly Operation[]): void {
  const keys = new Set<string>();
  const elements = new Set<string>();
  const takeNew = (names: Set<string>, name: string, code: string) => {
    if (names.has(name)) refuse(code);
    names.add(name);
  };
  for (const operation of operations) {
    if (operation.kind === 'kv') takeNew(keys, textOf(operation.kv.key), 'duplicateKey');
    if (operation.kind === 'ref') takeNew(keys, textOf(operation.ref.key), 'duplicateKey');
    if (operation.kind === 'zAdd') {
      const { set, key, atTx } = operation.zAdd;
      takeNew(elements, JSON.stringify([textOf(set), textOf(key), atTx]), 'duplicateZAdd');
    }
  }
}

function expectExecAll(
  model: DatabaseModel,
  operations: readonly Operation[],
  committed: number,
): Change[] {
  const written = new Set<string>();
  const bound = (op: { key: string; atTx: number; boundRef: boolean }): number => {
    if (op.atTx > 0 && !op.boundRef) refuse('illegalArguments');
    const isSetHere = written.has(op.key);
    if (op.atTx === 0 && op.boundRef) {
      return isSetHere ? model.lastTx + 1 : refuse('keyNotFound');
    }
    if (op.atTx > 0 || !isSetHere) expectTarget(model, op.key, op.atTx, committed);
    return op.atTx;
  };
  return operations.map((operation): Change => {
    if (operation.kind === 'kv') {
      const { key, value, metadata } = operation.kv;
      if (!(value instanceof Uint8Array)) throw new TypeError('expected a value in memory');
      written.add(textOf(key));
      return kvChange({ name: textOf(key), value: textOf(value), ...(metadata && { metadata }) });
    }
    if (operation.kind === 'ref') {
      const { ref } = operation;
      const [name, key] = [textOf(ref.key), textOf(ref.referencedKey)];
      expectReferenceKey(model, name);
      return { name, value: '', target: { key, atTx: bound({ ...ref, key }) } };
    }
    if (operation.kind === 'unset') return refuse('operationNotSet');
    const { zAdd } = operation;
    const key = textOf(zAdd.key);
    return {
      element: { set: textOf(zAdd.set), score: zAdd.score, key, atTx: bound({ ...zAdd, key }) },
    };
  });
}
