import { isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.js';
import { AuthError } from './errors.js';
import type { AuthOptions } from './options.js';
import { isUserName } from './user-record.js';

/** Failures older than this are forgotten, counted from the last. */
const MEMORY_MS = 10 * 60_000;
/** An address with fewer failures than this is not held up by what others do to the account. */
const FORGIVEN = 3;
/** Accounts, addresses and pairs remembered, each. */
const ENTRIES_MAX = 10_000;

interface Failures {
  count: number;
  lastAt: number;
  /** No other try before this. */
  nextTryAt: number;
}

/** Failed logins of an account, and from an address. */
export interface RecentFailures {
  readonly user: number;
  readonly address: number;
}

/** One try to log in, allowed to go on. */
export interface LoginTry {
  failed(): void;
  succeeded(): void;
}

/**
 * Slows down guessing without shutting the owner out. After some failures an account, and an address,
 * gets one try in a while. Two callers are let through all the same: an address that has hardly failed
 * itself is not held up by the account's delay, and one from which this account was opened before is
 * held up by neither, until it fails too often itself.
 */
export class LoginThrottle {
  readonly #after: number;
  readonly #delayMs: number;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Failures>();
  readonly #addresses = new Map<string, Failures>();
  /** Account and address that went together once, with the failures since. */
  readonly #trusted = new Map<string, Failures>();
  #failed = 0;
  #refused = 0;

  constructor(
    options: Pick<AuthOptions, 'loginFailuresBeforeDelay' | 'loginRetryDelayMs'>,
    clock: Clock,
  ) {
    this.#after = options.loginFailuresBeforeDelay;
    this.#delayMs = options.loginRetryDelayMs;
    this.#clock = clock;
  }

  get failedCount(): number {
    return this.#failed;
  }

  get refusedCount(): number {
    return this.#refused;
  }

  /** @throws loginThrottled */
  begin(account: string, address: string | undefined): LoginTry {
    // Whatever cannot be a name counts as one account; megabytes are not kept.
    const accountKey = isUserName(account) ? account : '';
    const addressKey = address === undefined ? '' : networkOf(address);
    const pairKey = `${accountKey}\n${addressKey}`;
    this.#assertAllowed(accountKey, addressKey, pairKey);
    return {
      failed: () => {
        this.#failed++;
        this.#count(this.#accounts, accountKey);
        this.#count(this.#addresses, addressKey);
        if (this.#trusted.has(pairKey)) this.#count(this.#trusted, pairKey);
      },
      succeeded: () => {
        this.#trusted.delete(pairKey);
        remember(this.#trusted, pairKey, { count: 0, lastAt: this.#clock.now(), nextTryAt: 0 });
      },
    };
  }

  /** Failed logins that count now. */
  recent(account: string, address: string | undefined): RecentFailures {
    const now = this.#clock.now();
    const accountKey = isUserName(account) ? account : '';
    const addressKey = address === undefined ? '' : networkOf(address);
    return {
      user: this.#current(this.#accounts, accountKey, now)?.count ?? 0,
      address: this.#current(this.#addresses, addressKey, now)?.count ?? 0,
    };
  }

  sweep(): void {
    const now = this.#clock.now();
    for (const failures of [this.#accounts, this.#addresses]) {
      for (const [key, entry] of failures) if (now - entry.lastAt > MEMORY_MS) failures.delete(key);
    }
  }

  #assertAllowed(account: string, address: string, pair: string): void {
    if (this.#after === 0) return;
    const now = this.#clock.now();
    const trusted = this.#trusted.get(pair);
    if (trusted !== undefined && trusted.count < this.#after) return;
    const ofAddress = this.#current(this.#addresses, address, now);
    const ofAccount = this.#current(this.#accounts, account, now);
    const delayed: Failures[] = [];
    if (ofAddress && ofAddress.count >= this.#after) delayed.push(ofAddress);
    const hardlyFailed = ofAddress === undefined || ofAddress.count < FORGIVEN;
    if (ofAccount && ofAccount.count >= this.#after && !hardlyFailed) delayed.push(ofAccount);
    const wait = Math.max(0, ...delayed.map((entry) => entry.nextTryAt - now));
    if (wait > 0) {
      this.#refused++;
      throw new AuthError('loginThrottled', { retryAfterMs: wait });
    }
    for (const entry of delayed) entry.nextTryAt = now + this.#delayMs;
  }

  #current(failures: Map<string, Failures>, key: string, now: number): Failures | undefined {
    const entry = failures.get(key);
    if (entry === undefined || now - entry.lastAt <= MEMORY_MS) return entry;
    failures.delete(key);
    return undefined;
  }

  #count(failures: Map<string, Failures>, key: string): void {
    const now = this.#clock.now();
    const entry = this.#current(failures, key, now) ?? { count: 0, lastAt: now, nextTryAt: 0 };
    entry.count++;
    entry.lastAt = now;
    if (entry.count >= this.#after) entry.nextTryAt = now + this.#delayMs;
    failures.delete(key);
    remember(failures, key, entry);
  }
}

/** Newest last; the oldest gives way when the map is full. */
function remember(failures: Map<string, Failures>, key: string, entry: Failures): void {
  if (failures.size >= ENTRIES_MAX) {
    const [oldest] = failures.keys();
    if (oldest !== undefined) failures.delete(oldest);
  }
  failures.set(key, entry);
}

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** An IPv4 address as it is; of an IPv6 address the /64, which one customer usually has whole. */
export function networkOf(address: string): string {
  const mapped = MAPPED_IPV4.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0);
    while (groups.length < 8 - after) groups.push('0');
    groups.push(...(tail === '' ? [] : tail.split(':')));
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
