import { AddressSet, addressKey, LOOPBACK } from './addresses.js';
import type { FrontLimits, LimitName } from './limits.js';

export type GateLimits = Pick<
  FrontLimits,
  'connectionsMax' | 'connectionsPerAddressMax' | 'connectionRatePerAddressMax' | 'exemptAddresses'
>;

interface Origin {
  open: number;
  /** New connections that it may still make now; refilled with time. */
  allowance: number;
  /** Unix milliseconds of the last refill. */
  filledAt: number;
}

/** Lets connections in, or says which limit keeps one out. */
export class ConnectionGate {
  readonly #limits: GateLimits;
  readonly #exempt: AddressSet;
  readonly #origins = new Map<string, Origin>();
  #open = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
    this.#exempt = new AddressSet([...LOOPBACK, ...limits.exemptAddresses]);
  }

  /** Connections that were let in and not given back. */
  get open(): number {
    return this.#open;
  }

  /** Addresses with an account; they are forgotten when they are idle. */
  get origins(): number {
    return this.#origins.size;
  }

  /** @returns the limit that is reached; undefined: it is in, and `leave` is owed */
  enter(address: string, now: number): LimitName | undefined {
    if (this.#open >= this.#limits.connectionsMax) return 'max-connections';
    if (!this.#exempt.has(address)) {
      const refusal = this.#charge(this.#originOf(addressKey(address), now), now);
      if (refusal !== undefined) return refusal;
    }
    this.#open++;
    return undefined;
  }

  leave(address: string): void {
    this.#open--;
    if (this.#exempt.has(address)) return;
    const origin = this.#origins.get(addressKey(address));
    if (origin !== undefined) origin.open--;
  }

  /** Forgets addresses that have nothing open and their allowance back. */
  sweep(now: number): void {
    for (const [key, origin] of this.#origins) {
      if (origin.open === 0 && now - origin.filledAt > 1000) this.#origins.delete(key);
    }
  }

  #charge(origin: Origin, now: number): LimitName | undefined {
    const { connectionRatePerAddressMax: rate, connectionsPerAddressMax } = this.#limits;
    const passed = Math.max(0, now - origin.filledAt);
    origin.allowance = Math.min(rate, origin.allowance + (passed * rate) / 1000);
    origin.filledAt = now;
    if (origin.open >= connectionsPerAddressMax) return 'max-connections-per-address';
    if (origin.allowance < 1) return 'max-connection-rate-per-address';
    origin.allowance--;
    origin.open++;
    return undefined;
  }

  #originOf(key: string, now: number): Origin {
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      origin = { open: 0, allowance: this.#limits.connectionRatePerAddressMax, filledAt: now };
      this.#origins.set(key, origin);
    }
    return origin;
  }
}
