import { setTimeout as delay } from 'node:timers/promises';
import { GrpcClient } from '../support/grpc-client.js';

/** Between two calls. */
const PACE_MS = 4;

export interface Latencies {
  readonly calls: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** How late this process itself was woken: what the machine adds to every time. */
  readonly lag: number;
}

/** Writes and reads in turn, at a pace, and knows how long it took. Any failure is an error. */
export class NormalClient implements Disposable {
  readonly #client: GrpcClient;
  readonly #alone: number[] = [];
  #next = 0;

  constructor(port: number) {
    this.#client = new GrpcClient(port);
  }

  login(): Promise<string> {
    return this.#client.login();
  }

  async write(key: string, value: Buffer): Promise<void> {
    await this.#client.call('Set', { KVs: [{ key: Buffer.from(key), value }] });
  }

  /** Works until `over` says so. */
  async work(over: () => boolean, times: number[] = []): Promise<Latencies> {
    const lags: number[] = [];
    while (!over()) {
      const begin = performance.now();
      await this.#step();
      times.push(performance.now() - begin);
      const pause = performance.now();
      await delay(PACE_MS);
      lags.push(performance.now() - pause - PACE_MS);
    }
    return { ...latencies(times), lag: percentile(lags, 0.99) };
  }

  /** As `work`, all that it ever measured taken together. */
  async workAlone(over: () => boolean): Promise<Latencies> {
    const { lag } = await this.work(over, this.#alone);
    return { ...latencies(this.#alone), lag };
  }

  async #step(): Promise<void> {
    const at = this.#next++;
    const key = `k${at >> 1}`;
    if (at % 2 === 0) await this.write(key, Buffer.from(key));
    else {
      const { value } = await this.#client.call('Get', { key: Buffer.from(key) });
      if (Buffer.from(value).toString() !== key) throw new Error(`${key} has a wrong value`);
    }
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function latencies(times: readonly number[]): Omit<Latencies, 'lag'> {
  return { calls: times.length, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * (sorted.length - 1))] ?? 0;
}
