// The client process: does what its parent asks, one load at a time, and reports.

import { runLoad } from './load.mjs';
import { patternDigest, receiveValue, sendValue } from './streams.mjs';

const TASKS = { runLoad, sendValue, receiveValue, patternDigest };

process.on('message', async ({ task, argument }) => {
  try {
    // Buffers arrive as Uint8Array.
    process.send({ result: await TASKS[task](withBuffers(argument)) });
  } catch (error) {
    process.send({ error: error instanceof Error ? error.message : String(error) });
  }
});

function withBuffers(value) {
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  if (Array.isArray(value)) return value.map(withBuffers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, withBuffers(of)]));
}
