import { methods } from '../../../dist/src/wire/index.js';
import { percentiles } from '../percentiles.mjs';
import { cpuSeconds } from '../proc.mjs';
import { requestMaker } from '../requests.mjs';
import { call, connectGrpc } from '../transport.mjs';

const ROUNDS = 2;
const WARMUP_SHARE = 0.25;
/** Calls for the optimising compiler, before anything is measured. */
const WARMUP_SECONDS_MIN = 0.3;

/**
 * The same load on the server and on the bare echo server, in turn, so that what else the machine does
 * hits both.
 * @param {import('../context.mjs').Context} context
 * @param {import('../processes.mjs').Stele} stele
 * @param {object} load
 * @param {string} load.method
 * @param {Record<string, string>} load.headers
 * @param {import('../requests.mjs').Template | { bodies: Buffer[] }} load.requests
 * @param {number} load.connections
 * @param {number} load.inFlight
 * @param {(answer: Buffer) => boolean} load.isRight whether an answer is what was asked for
 */
export async function compare(context, stele, load) {
  const { method, headers, isRight, ...rest } = load;
  const { path } = methods[method];
  const answer = await oneCall(stele.port, headers, path, rest.requests);
  if (!isRight(answer)) throw new Error(`${method}: the answer is not what was asked for`);
  await context.echo.set(method, answer);
  const seconds = context.seconds / ROUNDS;
  const warmupSeconds = Math.max(WARMUP_SECONDS_MIN, seconds * WARMUP_SHARE);
  const common = { ...rest, headers, path, seconds, warmupSeconds, client: context.clientKind };
  const echo = new Sum(context.echo.pid);
  const own = new Sum(stele.pid);
  for (let round = 0; round < ROUNDS; round++) {
    await echo.add(() => context.client.run('runLoad', { ...common, port: context.echo.port }));
    await own.add(() => context.client.run('runLoad', { ...common, port: stele.port }));
    advance(common);
  }
  return {
    perSecond: own.perSecond,
    latencyMs: own.latencyMs,
    echo: { what: 'echo', value: echo.perSecond },
    details: {
      answerBytes: answer.length,
      serverCpuMicrosPerCall: own.serverCpuMicrosPerCall,
      clientCpuMicrosPerCall: own.clientCpuMicrosPerCall,
      echoCpuMicrosPerCall: echo.serverCpuMicrosPerCall,
      echoLatencyMs: echo.latencyMs,
    },
  };
}

/** New keys stay new in the next round. */
function advance(load) {
  if (load.requests.order !== 'next') return;
  load.requests = { ...load.requests, seed: load.requests.seed + 1000 };
}

export async function oneCall(port, headers, path, requests) {
  const connection = connectGrpc(port, headers);
  try {
    const next = requestMaker(
      'bodies' in requests ? requests : { ...requests, seed: requests.seed + 500 },
      { txId: 0 },
    );
    // Reads ask for keys that are there.
    const request = requests.order === 'random' ? requestMaker(requests, { txId: 0 })() : next();
    return await call(connection, path, request);
  } finally {
    connection.close();
  }
}

class Sum {
  #pid;
  #calls = 0;
  #seconds = 0;
  #serverCpu = 0;
  #clientCpu = 0;
  #cpuCalls = 0;
  #latencies = [];

  constructor(pid) {
    this.#pid = pid;
  }

  async add(run) {
    const before = cpuSeconds(this.#pid);
    const result = await run();
    this.#serverCpu += cpuSeconds(this.#pid) - before;
    this.#clientCpu += result.clientCpuSeconds;
    this.#cpuCalls += result.allCalls;
    this.#calls += result.calls;
    this.#seconds += result.seconds;
    this.#latencies.push(...result.latencies);
  }

  get perSecond() {
    return this.#calls / this.#seconds;
  }

  get latencyMs() {
    return percentiles(this.#latencies);
  }

  /** Over the whole load, its start included. */
  get serverCpuMicrosPerCall() {
    return Math.round((1e6 * this.#serverCpu) / this.#cpuCalls);
  }

  get clientCpuMicrosPerCall() {
    return Math.round((1e6 * this.#clientCpu) / this.#calls);
  }
}
