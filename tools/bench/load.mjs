// A closed loop: so many calls are in flight, and each answer starts the next call.

import { percentiles } from './percentiles.mjs';
import { requestMaker, txIdOfVerifiableTx } from './requests.mjs';
import { connectGrpc, connectHttp2 } from './transport.mjs';

/** Latencies that are kept; a load of more calls keeps the first ones. */
const SAMPLES_MAX = 2_000_000;

/**
 * @typedef {object} Load
 * @property {number} port
 * @property {Record<string, string>} headers
 * @property {string} path
 * @property {import('./requests.mjs').Template | { bodies: Buffer[] }} requests
 * @property {number} connections
 * @property {number} inFlight
 * @property {number} [seconds] ends it, or
 * @property {number} [calls] this many
 * @property {number} [warmupSeconds] not measured
 * @property {'grpc' | 'http2'} client
 * @property {boolean} [windows] whether the time of each answer is wanted
 *
 * @typedef {object} LoadResult
 * @property {number} calls
 * @property {number} seconds
 * @property {number} perSecond
 * @property {number} allCalls those of the warm-up included
 * @property {Float64Array} latencies milliseconds
 * @property {{ p50: number, p90: number, p99: number, max: number }} latencyMs
 * @property {number} clientCpuSeconds
 * @property {number} answerBytes of the last answer
 * @property {Float64Array} [finishedAtMs] since the first measured call
 */

/** @param {Load} load @returns {Promise<LoadResult>} */
export async function runLoad(load) {
  const connections = [];
  for (let i = 0; i < load.connections; i++) {
    const connect = load.client === 'http2' ? connectHttp2 : connectGrpc;
    connections.push(await connect(load.port, load.headers));
  }
  try {
    return await new ClosedLoop(load, connections).run();
  } finally {
    for (const connection of connections) connection.close();
  }
}

class ClosedLoop {
  #load;
  #connections;
  #newest = { txId: 0 };
  #next;
  #latencies;
  #finishedAt;
  #started = 0;
  #finished = 0;
  #running = 0;
  #measureFrom;
  #measuredTo = 0;
  #stopAt;
  #callsMax;
  #answer = Buffer.alloc(0);
  #cpuAtStart = process.cpuUsage();
  #cpu = { user: 0, system: 0 };

  constructor(load, connections) {
    this.#load = load;
    this.#connections = connections;
    this.#next = requestMaker(load.requests, this.#newest);
    this.#callsMax = load.calls ?? Number.POSITIVE_INFINITY;
    const samples = Math.min(SAMPLES_MAX, load.calls ?? SAMPLES_MAX);
    this.#latencies = new Float64Array(samples);
    this.#finishedAt = load.windows === true ? new Float64Array(samples) : undefined;
  }

  run() {
    const begin = performance.now();
    const { warmupSeconds = 0, seconds = Number.POSITIVE_INFINITY, inFlight } = this.#load;
    this.#measureFrom = begin + 1000 * warmupSeconds;
    this.#stopAt = this.#measureFrom + 1000 * seconds;
    return new Promise((resolve, reject) => {
      this.resolve = () => resolve(this.#result());
      this.reject = reject;
      for (let lane = 0; lane < inFlight; lane++) {
        this.#start(this.#connections[lane % this.#connections.length]);
      }
    });
  }

  #start(connection) {
    const at = performance.now();
    if (at >= this.#stopAt || this.#started >= this.#callsMax) {
      if (this.#running === 0) this.resolve();
      return;
    }
    this.#started++;
    this.#running++;
    connection.unary(this.#load.path, this.#next(), (error, answer) => {
      this.#running--;
      if (error !== undefined) {
        this.#stopAt = 0;
        this.reject(error);
        return;
      }
      this.#note(at, performance.now(), answer);
      this.#start(connection);
    });
  }

  #note(from, to, answer) {
    this.#answer = answer;
    if (this.#load.requests.since) {
      this.#newest.txId = Math.max(this.#newest.txId, txIdOfVerifiableTx(answer));
    }
    if (to < this.#measureFrom) {
      this.#cpuAtStart = process.cpuUsage();
      return;
    }
    // What ends after the time is up is not counted, or the tail would be measured without its load.
    if (to > this.#stopAt) return;
    if (this.#finished < this.#latencies.length) {
      this.#latencies[this.#finished] = to - from;
      if (this.#finishedAt) this.#finishedAt[this.#finished] = to - this.#measureFrom;
    }
    this.#finished++;
    this.#measuredTo = to;
    this.#cpu = process.cpuUsage(this.#cpuAtStart);
  }

  #result() {
    const seconds = this.#load.seconds ?? (this.#measuredTo - this.#measureFrom) / 1000;
    const kept = Math.min(this.#finished, this.#latencies.length);
    return {
      calls: this.#finished,
      seconds,
      perSecond: this.#finished / seconds,
      allCalls: this.#started,
      latencies: this.#latencies.slice(0, kept),
      latencyMs: percentiles(this.#latencies.subarray(0, kept)),
      clientCpuSeconds: (this.#cpu.user + this.#cpu.system) / 1e6,
      answerBytes: this.#answer.length,
      ...(this.#finishedAt ? { finishedAtMs: this.#finishedAt.slice(0, kept) } : {}),
    };
  }
}
