import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { CallError, GrpcClient } from '../support/grpc-client.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { anonymousMib, median, medianError, quantile } from './figures.js';
import type { Write } from './writer.js';

const RESOURCE_EXHAUSTED = 8;
const LOGINS = 200;
const WRITERS = 4;
/** Writes go on before and after the logins, so that both are measured. */
const CALM_MS = 700;
const MEMORY_INTERVAL_MS = 20;

async function withServer<T>(
  flags: readonly string[],
  use: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stele-access-'));
  const options = { dir: path.join(folder, 'data'), port: await freePort(), flags };
  await using server = await ServerProcess.start(options);
  try {
    return await use(server);
  } finally {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function refusedLogin(
  client: GrpcClient,
  user: string,
): Promise<{ readonly ms: number; readonly answer: string }> {
  const begin = performance.now();
  try {
    await client.login(user, 'Wrong-pass-1');
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    const answer = `${error.code} ${error.details} ${JSON.stringify(error.trailers.toJSON())}`;
    return { ms: performance.now() - begin, answer };
  }
  throw new Error(`${user} got in with a wrong password`);
}

export interface TimingFigures {
  /** Milliseconds. */
  readonly unknownUserMedian: number;
  readonly wrongPasswordMedian: number;
  /** Standard error of the difference: what the machine's other work does to it. */
  readonly differenceError: number;
  /** All that was answered; one if the two cannot be told apart. */
  readonly answers: readonly string[];
}

/** Logins of nobody and of somebody with a wrong password, in turns, on one connection. */
export function compareRefusals(pairs: number): Promise<TimingFigures> {
  return withServer(['--login-failures-before-delay', '0'], async (server) => {
    using client = new GrpcClient(server.port);
    const times = { unknown: [] as number[], known: [] as number[] };
    const answers = new Set<string>();
    for (let pair = -5; pair < pairs; pair++) {
      for (const turn of pair % 2 === 0 ? [0, 1] : [1, 0]) {
        const { ms, answer } = await refusedLogin(client, turn === 0 ? 'nobody' : 'immudb');
        // The first few warm up what both use.
        if (pair < 0) continue;
        times[turn === 0 ? 'unknown' : 'known'].push(ms);
        answers.add(answer);
      }
    }
    return {
      unknownUserMedian: median(times.unknown),
      wrongPasswordMedian: median(times.known),
      differenceError: Math.hypot(medianError(times.unknown), medianError(times.known)),
      answers: [...answers],
    };
  });
}

export interface LoginStorm {
  readonly accepted: number;
  readonly exhausted: number;
  /** Other answers. */
  readonly others: readonly string[];
  readonly writes: number;
  /** Milliseconds: of the writes during the logins, and of those before and after. */
  readonly writeP99: number;
  readonly calmP99: number;
  readonly memoryGrowthMib: number;
}

/** All logins at once, on connections of their own, while others write. */
export function loginsWhileWriting(): Promise<LoginStorm> {
  return withServer(['--max-tokens-per-user', '10000'], async (server) => {
    const writer = new Worker(new URL('./writer.js', import.meta.url), {
      workerData: { port: server.port, writers: WRITERS },
    });
    // Connected beforehand, so that passwords are what the server is busy with.
    const clients = Array.from({ length: LOGINS }, () => new GrpcClient(server.port));
    for (const client of clients) await client.waitForReady(10_000);
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    const before = anonymousMib(server.pid);
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, anonymousMib(server.pid));
    }, MEMORY_INTERVAL_MS);
    const begin = Date.now();
    const answers = await Promise.all(clients.map(login));
    const end = Date.now();
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    clearInterval(watch);
    for (const client of clients) client.close();
    writer.postMessage('stop');
    const [writes] = (await once(writer, 'message')) as [Write[]];
    const isDuring = ({ at, ms }: Write) => at + ms >= begin && at <= end;
    const during = writes.filter(isDuring);
    const calm = writes.filter((one) => !isDuring(one));
    return {
      accepted: answers.filter((answer) => answer === 'OK').length,
      exhausted: answers.filter((answer) => answer === 'exhausted').length,
      others: answers.filter((answer) => answer !== 'OK' && answer !== 'exhausted'),
      writes: during.length,
      writeP99: quantile(
        during.map(({ ms }) => ms),
        0.99,
      ),
      calmP99: quantile(
        calm.map(({ ms }) => ms),
        0.99,
      ),
      memoryGrowthMib: peak - before,
    };
  });
}

async function login(client: GrpcClient): Promise<string> {
  try {
    await client.login();
    return 'OK';
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return error.code === RESOURCE_EXHAUSTED ? 'exhausted' : error.message;
  }
}
