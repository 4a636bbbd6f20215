import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import argon2 from 'argon2';
import { AuthError } from './errors.js';

/** Of argon2id. */
export interface HashCost {
  readonly timeCost: number;
  /** KiB. */
  readonly memoryCost: number;
  readonly parallelism: number;
}

/** 14 ms on the machine that was measured. */
export const DEFAULT_HASH_COST: HashCost = { timeCost: 2, memoryCost: 19 * 1024, parallelism: 1 };

const LENGTH_MIN = 8;
const LENGTH_MAX = 64;
/** No stored password is longer, so a longer one is wrong; hashing megabytes would take real time. */
export const PASSWORD_BYTES_MAX = 1024;

const ALLOWED = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]*$/u;
const UPPERCASE = /\p{Lu}/u;
const DIGIT = /\p{N}/u;
const SPECIAL = /[\p{P}\p{S}]/u;

/** For new passwords, the first one of the first user apart. @throws passwordEmpty, passwordWeak */
export function assertPasswordRule(password: Uint8Array): void {
  if (password.length === 0) throw new AuthError('passwordEmpty');
  const text = password.length > PASSWORD_BYTES_MAX ? undefined : decode(password);
  if (text === undefined || !isStrong(text)) throw new AuthError('passwordWeak');
}

function isStrong(text: string): boolean {
  const length = [...text].length;
  if (length < LENGTH_MIN || length > LENGTH_MAX || !ALLOWED.test(text)) return false;
  return UPPERCASE.test(text) && DIGIT.test(text) && SPECIAL.test(text);
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Hashes and checks passwords, few at a time: they run in the thread pool that commits use too, and
 * each holds 19 MiB.
 */
export class PasswordHasher {
  readonly #cost: HashCost;
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #waiting: Array<() => void> = [];
  #running = 0;
  /** Of no password that anybody knows; checked when there is no user, so that it takes as long. */
  #dummyHash = '';

  constructor(waitingMax: number, cost: HashCost, cores: number = availableParallelism()) {
    this.#waitingMax = waitingMax;
    this.#cost = cost;
    this.#runningMax = cores >= 4 ? 2 : 1;
  }

  /** Running and waiting. */
  get pending(): number {
    return this.#running + this.#waiting.length;
  }

  /** Before the first `verify`. */
  async prepare(): Promise<void> {
    this.#dummyHash = await this.hash(randomBytes(32));
  }

  /** @returns a PHC string. @throws passwordQueueFull */
  hash(password: Uint8Array): Promise<string> {
    const copy = Buffer.from(password);
    return this.#inTurn(() => argon2.hash(copy, { type: argon2.argon2id, ...this.#cost }));
  }

  /** @param hash undefined when there is no such user: as long, then false. @throws passwordQueueFull */
  verify(hash: string | undefined, password: Uint8Array): Promise<boolean> {
    const possible = hash !== undefined && password.length <= PASSWORD_BYTES_MAX;
    const bounded = Buffer.from(password.subarray(0, PASSWORD_BYTES_MAX));
    return this.#inTurn(() => argon2.verify(possible ? hash : this.#dummyHash, bounded));
  }

  /** Whether the hash was made with other settings than those of today. */
  needsRehash(hash: string): boolean {
    return argon2.needsRehash(hash, this.#cost);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#runningMax) {
      if (this.#waiting.length >= this.#waitingMax) throw new AuthError('passwordQueueFull');
      // Whoever wakes this one hands his place over, so #running stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
