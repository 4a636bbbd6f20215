import { parentPort, workerData } from 'node:worker_threads';
import { GrpcClient } from '../support/grpc-client.js';

/** A thread that writes until it is told to stop, so that nothing but the server slows it down. */

export interface Write {
  /** Unix milliseconds. */
  readonly at: number;
  readonly ms: number;
}

const { port, writers } = workerData as { port: number; writers: number };
const writes: Write[] = [];
let stopped = false;
parentPort?.once('message', () => {
  stopped = true;
});

async function write(writer: number): Promise<void> {
  using client = new GrpcClient(port);
  await client.login();
  const value = Buffer.alloc(100, writer);
  for (let i = 0; !stopped; i++) {
    const at = Date.now();
    const begin = performance.now();
    await client.call('Set', { KVs: [{ key: Buffer.from(`k${writer}-${i}`), value }] });
    writes.push({ at, ms: performance.now() - begin });
  }
}

await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
parentPort?.postMessage(writes);
