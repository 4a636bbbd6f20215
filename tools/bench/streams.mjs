// One large value through a stream, in either direction.

import { createHash } from 'node:crypto';
import { frameChunk, pb } from '../../dist/src/wire/index.js';
import { grpcClient, metadataOf } from './transport.mjs';

const CHUNK_BYTES = 65_536;
const same = (bytes) => bytes;

/**
 * Sends key and value as `streamSet` wants them; the same megabyte again and again.
 * @returns {Promise<{ seconds: number }>}
 */
export async function sendValue({ port, headers, path, key, bytes }) {
  const client = grpcClient(port);
  try {
    await ready(client);
    const begin = performance.now();
    await new Promise((resolve, reject) => {
      const stream = client.makeClientStreamRequest(
        path,
        same,
        same,
        metadataOf(headers),
        (error) => (error === null ? resolve() : reject(error)),
      );
      const messages = valueMessages(key, bytes);
      const pump = () => {
        for (;;) {
          const { done, value } = messages.next();
          if (done) return stream.end();
          if (!stream.write(value)) return stream.once('drain', pump);
        }
      };
      pump();
    });
    return { seconds: (performance.now() - begin) / 1000 };
  } finally {
    client.close();
  }
}

function* valueMessages(key, bytes) {
  yield pb.encodeChunk({ content: frameChunk(key) });
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes));
  let head = length;
  for (const part of parts(bytes)) {
    yield pb.encodeChunk({ content: head === undefined ? part : Buffer.concat([head, part]) });
    head = undefined;
  }
}

/** The value, in parts of which the first leaves room for the header of its frame. */
function* parts(bytes) {
  const pattern = patternOf();
  for (let at = 0; at < bytes; ) {
    const size = Math.min(CHUNK_BYTES - (at === 0 ? 8 : 0), bytes - at);
    const from = at % (pattern.length - CHUNK_BYTES);
    yield pattern.subarray(from, from + size);
    at += size;
  }
}

/** @returns {string} the digest of the value that `sendValue` sends */
export function patternDigest({ bytes }) {
  const hash = createHash('sha256');
  for (const part of parts(bytes)) hash.update(part);
  return hash.digest('hex');
}

function patternOf() {
  const pattern = Buffer.allocUnsafe((1 << 20) + CHUNK_BYTES);
  let state = 1;
  for (let at = 0; at < pattern.length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    pattern.writeUInt32LE(state, at);
  }
  return pattern;
}

/**
 * Reads what `streamGet` sends and drops it.
 * @returns {Promise<{ seconds: number, bytes: number, digest?: string }>} bytes and digest of the value
 */
export async function receiveValue({ port, headers, path, request, key, digest: wanted }) {
  const client = grpcClient(port);
  const hash = wanted ? createHash('sha256') : undefined;
  // Frame headers of key and value, and the key, come before the value.
  let skip = 16 + key.length;
  let bytes = 0;
  try {
    await ready(client);
    const begin = performance.now();
    await new Promise((resolve, reject) => {
      const stream = client.makeServerStreamRequest(path, same, same, request, metadataOf(headers));
      stream.on('data', (message) => {
        const content = contentOf(message);
        const drop = Math.min(skip, content.length);
        skip -= drop;
        bytes += content.length - drop;
        hash?.update(content.subarray(drop));
      });
      stream.on('error', reject);
      stream.on('end', resolve);
    });
    return { seconds: (performance.now() - begin) / 1000, bytes, digest: hash?.digest('hex') };
  } finally {
    client.close();
  }
}

/** Of an encoded `Chunk`: field 1 and nothing else. */
function contentOf(message) {
  let at = 1;
  while ((message[at++] & 0x80) !== 0);
  return message.subarray(at);
}

function ready(client) {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error ? reject(error) : resolve()));
  });
}
