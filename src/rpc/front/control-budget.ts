/** Bytes of control frames that a connection gets back in a second. */
const REFILL_BYTES = 65_536;
/** Headers of a call may be so long without being counted. */
const CALL_BYTES = 16_384;
const FRAME_HEAD_BYTES = 9;
/** Ahead of the calls; after that each call and each piece of an answer allows a few. */
const PINGS_MAX = 1000;
const PINGS_A_CALL = 4;
const PINGS_A_SECOND = 100;
const SETTINGS_MAX = 100;
const SETTINGS_A_SECOND = 10;

/**
 * Keeps account of what a connection sends without being part of a call: PING, SETTINGS, WINDOW_UPDATE,
 * PRIORITY, unknown frames, headers of frames without data. Honest clients send little of it next to
 * their calls.
 */
export class ControlBudget {
  readonly #bytesMax: number;
  /** Bytes that no call explains. */
  #bytes = 0;
  #received = 0;
  #explained = 0;
  #pings = 0;
  #settings = 0;
  #priorities = 0;
  #checkedAt: number;

  /** @param now Unix milliseconds */
  constructor(bytesMax: number, now: number) {
    this.#bytesMax = bytesMax;
    this.#checkedAt = now;
  }

  call(): void {
    this.#explained += CALL_BYTES;
    this.#pings = Math.max(0, this.#pings - PINGS_A_CALL);
  }

  /** A piece of a request's body. */
  data(bytes: number): void {
    this.#explained += bytes + FRAME_HEAD_BYTES;
  }

  /** The client took a piece of an answer; it opens its window in return, and may measure with a ping. */
  answered(bytes: number): void {
    this.#explained += 2 * (FRAME_HEAD_BYTES + 4) * (2 + bytes / 4096);
    this.#pings = Math.max(0, this.#pings - PINGS_A_CALL);
  }

  /** @returns whether it is one too many */
  ping(): boolean {
    return ++this.#pings > PINGS_MAX;
  }

  /** Clients do not use priorities any more. @returns whether it is one too many */
  priority(): boolean {
    return ++this.#priorities > SETTINGS_MAX;
  }

  /** @returns whether it is one too many */
  settings(): boolean {
    return ++this.#settings > SETTINGS_MAX;
  }

  /**
   * @param received bytes that the connection has sent since it was opened
   * @param unread tells the bytes of bodies that have arrived and were not read; asked only when needed
   * @returns whether the connection has sent too much that belongs to no call
   */
  exceeded(received: number, now: number, unread: () => number): boolean {
    const seconds = Math.max(0, now - this.#checkedAt) / 1000;
    this.#checkedAt = now;
    this.#pings = Math.max(0, this.#pings - PINGS_A_SECOND * seconds);
    this.#settings = Math.max(0, this.#settings - SETTINGS_A_SECOND * seconds);
    this.#priorities = Math.max(0, this.#priorities - SETTINGS_A_SECOND * seconds);
    this.#bytes += received - this.#received - this.#explained;
    this.#received = received;
    this.#explained = 0;
    // Calls of the past are no licence for a flood now.
    this.#bytes = Math.max(-this.#bytesMax, this.#bytes - REFILL_BYTES * seconds);
    return this.#bytes > this.#bytesMax && this.#bytes - unread() > this.#bytesMax;
  }
}
