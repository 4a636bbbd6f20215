import assert from 'node:assert/strict';
import path from 'node:path';
import { Auditor, type AuditorOptions } from '../../src/auditor/index.js';
import { systemClock } from '../../src/base/clock.js';
import type { SteleClient } from '../../src/client/index.js';
import type { Report } from '../fault/suite.js';
import { Random } from '../sdk/support/random.js';
import { Bench } from './bench.js';

/** Per cycle at most; a cycle takes some tens of milliseconds. */
const CYCLE_MS_MAX = 3000;
const DATABASES = ['defaultdb', 'second'];
const KEYS = 40;
const SAMPLE = 4;
/** Cycles between two ends of the auditor, of the server, and of the server by a kill. */
const AUDITOR_RESTART = 23;
const SERVER_RESTART = 61;
const SERVER_KILL = 97;
const NOT_ABORTED = new AbortController().signal;

/** No alarm while all is well, however much is written and restarted. */
export async function cleanCycles(report: Report, cycles: number, seed: number): Promise<void> {
  const name = `${cycles} clean cycles`;
  await report.test(name, 60_000 + cycles * CYCLE_MS_MAX, async () => {
    await using bench = await Bench.make();
    const run = new CleanRun(bench, new Random(seed));
    await run.begin();
    for (let cycle = 1; cycle <= cycles; cycle++) await run.cycle(cycle);
    return run.end();
  });
}

class CleanRun {
  readonly #bench: Bench;
  readonly #random: Random;
  readonly #lines: string[] = [];
  #auditor: Auditor | undefined;
  #client: SteleClient | undefined;
  #writes = 0;
  #restarts = 0;
  #checks = 0;

  constructor(bench: Bench, random: Random) {
    this.#bench = bench;
    this.#random = random;
  }

  async begin(): Promise<void> {
    await this.#bench.start();
    await this.#bench.with((client) => client.call('CreateDatabase', { databaseName: 'second' }));
    await this.#connect();
    await this.#openAuditor();
  }

  async cycle(number: number): Promise<void> {
    await this.#restart(number);
    // Writes go on while the auditor looks, too.
    const writing = this.#write(this.#random.below(5));
    if (this.#random.below(2) === 0) await writing;
    const result = await this.#auditor?.cycle(NOT_ABORTED);
    await writing;
    this.#checks += DATABASES.length;
    const text = `cycle ${number}:\n${this.#lines.slice(-12).join('\n')}`;
    assert.deepEqual(result, { alarms: [], failures: 0 }, text);
    this.#lines.length = 0;
  }

  async end(): Promise<string> {
    await this.#auditor?.[Symbol.asyncDispose]();
    await this.#client?.close();
    return `${this.#checks} checks, ${this.#writes} writes, ${this.#restarts} restarts, no alarm`;
  }

  async #restart(number: number): Promise<void> {
    if (number % AUDITOR_RESTART === 0) {
      await this.#auditor?.[Symbol.asyncDispose]();
      await this.#openAuditor();
      this.#restarts++;
    }
    if (number % SERVER_RESTART !== 0 && number % SERVER_KILL !== 0) return;
    if (number % SERVER_KILL === 0) await this.#bench.kill();
    else await this.#bench.stop();
    await this.#client?.close();
    await this.#bench.start();
    await this.#connect();
    this.#restarts++;
  }

  async #connect(): Promise<void> {
    this.#client = await this.#bench.client();
  }

  async #openAuditor(): Promise<void> {
    const options: AuditorOptions = {
      servers: [{ host: '127.0.0.1', port: this.#bench.port }],
      username: 'immudb',
      password: 'immudb',
      databases: DATABASES,
      folder: path.join(this.#bench.folder, 'auditor'),
      intervalMs: 1000,
      sampleSize: SAMPLE,
      outageCycles: 1,
      seriesPrefix: 'immuclient',
      clock: systemClock,
      log: (level, text) => this.#lines.push(`${level}: ${text}`),
    };
    this.#auditor = await Auditor.open(options);
  }

  async #write(count: number): Promise<void> {
    const client = this.#client;
    if (client === undefined || count === 0) return;
    await client.useDatabase(this.#random.pick(DATABASES));
    for (let i = 0; i < count; i++) await this.#writeOnce(client);
  }

  async #writeOnce(client: SteleClient): Promise<void> {
    const random = this.#random;
    const key = `key ${random.below(KEYS)}`;
    const value = Buffer.alloc(random.below(random.below(20) === 0 ? 60_000 : 200), this.#writes);
    this.#writes++;
    switch (random.below(8)) {
      case 0:
        await client.setAll(
          Array.from({ length: 1 + random.below(20) }, (_, i) => ({ key: `${key}.${i}`, value })),
        );
        return;
      case 1: {
        await client.set(key, value);
        await client.delete([key]);
        return;
      }
      case 2:
        await client.set(key, value);
        await client.setReference(`reference ${random.below(KEYS)}`, key);
        return;
      case 3:
        await client.set(key, value);
        await client.zAdd('set', random.below(1000), key);
        return;
      case 4: {
        const expiresAt = Math.floor(Date.now() / 1000) + random.below(3);
        await client.setAll([{ key, value, metadata: { expiresAt } }]);
        return;
      }
      case 5:
        await client.setAll([{ key, value, metadata: { nonIndexable: true } }]);
        return;
      case 6:
        await client.streamSet([{ key, value: Buffer.alloc(1 + random.below(300_000), 7) }]);
        return;
      default:
        await client.set(key, value);
    }
  }
}
