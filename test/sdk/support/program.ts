import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Random } from './random.js';
import type { Sdk, Traits } from './sdk.js';
import { ModelLostError, readOperations, Suite, verifyTx, writeOperations } from './suite.js';

const FAILURES_MAX = 20;
/** Transactions verified one by one at the end. */
const FINAL_READS = 100;
const CALL_TIMEOUT_MS = 20_000;

/** What the runner gives to every program. */
export interface Options {
  readonly port: number;
  readonly database: string;
  readonly stateDir: string;
  /** PEM file. */
  readonly publicKey: string;
  readonly headerVersion: number;
  readonly seed: number;
  readonly operations: number;
  /** Of the SDK, where one program acts out several. */
  readonly release: string;
  /** Folder of the SDK. */
  readonly module: string;
}

/** Logs in; with `create` it makes the database first. */
export type Connect = (options: Options, create: boolean) => Promise<Sdk>;

function parseOptions(): Options {
  const string = { type: 'string', default: '' } as const;
  const { values } = parseArgs({
    options: {
      port: string,
      database: string,
      api: string,
      'state-dir': string,
      'public-key': string,
      'header-version': string,
      seed: string,
      operations: string,
      release: string,
      module: string,
    },
  });
  return {
    port: Number(values.port),
    database: values.database,
    stateDir: values['state-dir'],
    publicKey: values['public-key'],
    headerVersion: Number(values['header-version']),
    seed: Number(values.seed),
    operations: Number(values.operations),
    release: values.release,
    module: values.module,
  };
}

interface Failure {
  readonly operation: number;
  readonly name: string;
  readonly detail: string;
}

async function timed<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), CALL_TIMEOUT_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

class Program {
  readonly failures: Failure[] = [];
  readonly suite: Suite;
  done = 0;
  private readonly options: Options;
  private readonly connect: Connect;
  private readonly answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

  constructor(options: Options, connect: Connect, traits: Traits) {
    this.options = options;
    this.connect = connect;
    this.suite = new Suite(new Random(options.seed), traits);
  }

  fail(name: string, error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    this.failures.push({ operation: this.done, name, detail });
  }

  async run(): Promise<void> {
    const { suite, options } = this;
    suite.sdk = await timed(this.connect(options, options.database !== 'defaultdb'));
    const writes = writeOperations(suite.sdk);
    const lots = [...writes, ...readOperations(suite.sdk)].flatMap((operation) =>
      Array.from({ length: operation.weight }, () => operation),
    );
    const third = Math.max(Math.floor(options.operations / 3), 1);
    while (this.done < options.operations) {
      if (this.done === third || this.done === 2 * third) await this.checkpoint();
      // The first two are verified writes: some SDKs cannot verify a read from an empty state, and
      // one can verify nothing from the first transaction.
      const { perform } = suite.random.pick(this.done < 2 ? writes.slice(0, 1) : lots);
      try {
        await timed(perform(suite));
      } catch (error) {
        this.fail(perform.name, error);
        if (error instanceof ModelLostError || this.failures.length >= FAILURES_MAX) return;
      } finally {
        this.done += 1;
      }
    }
    const step = Math.max(Math.floor(suite.model.last / FINAL_READS), 1);
    for (let tx = 1; tx <= suite.model.last; tx += step) await timed(verifyTx(suite, tx));
    suite.sdk.close();
  }

  /** Lets the runner kill and restart the server, then comes back with the same state. */
  private async checkpoint(): Promise<void> {
    process.stdout.write(`CHECKPOINT ${this.done}\n`);
    const { value } = await this.answers.next();
    if (value !== 'GO') throw new Error(`instead of GO: ${value}`);
    this.suite.sdk.close();
    this.suite.sdk = await timed(this.connect(this.options, false));
    const kept = this.suite.sdk.stateTx();
    if (kept !== this.suite.stateTx) {
      throw new Error(`the stored state is of transaction ${kept}, not ${this.suite.stateTx}`);
    }
  }
}

/** Runs the random operations of one SDK; the last line it prints is a report in JSON. */
export async function main(
  name: string,
  connect: Connect,
  traits: (options: Options) => Traits,
): Promise<void> {
  // Some SDKs talk; standard output is for the runner.
  console.log = console.warn = console.error = () => undefined;
  const options = parseOptions();
  const program = new Program(options, connect, traits(options));
  try {
    await program.run();
  } catch (error) {
    program.fail('run', error);
  }
  const report = {
    sdk: name,
    version: options.release,
    seed: options.seed,
    operations: program.done,
    verified: program.suite.verified,
    failures: program.failures,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => {
    process.exit(program.failures.length > 0 ? 1 : 0);
  });
}
