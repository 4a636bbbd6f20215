import type { Random } from '../sdk/support/random.js';

/** Hostile changes of the bytes of a message. */

const INSERTED_BYTES_MAX = 40;
const RANDOM_BYTES_MAX = 300;
const NESTING = 20_000;
const REPEATS_MAX = 200_000;

export function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const truncated: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

const flipped: Mutation = (bytes, random) => {
  const copy = Buffer.from(bytes);
  for (let count = 1 + random.below(8); count > 0 && copy.length > 0; count--) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << random.below(8));
  }
  return copy;
};

const inserted: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  const more = randomBytes(random, 1 + random.below(INSERTED_BYTES_MAX));
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
};

const cutOut: Mutation = (bytes, random) => {
  const from = random.below(bytes.length + 1);
  const to = from + random.below(bytes.length - from + 1);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
};

const repeated: Mutation = (bytes, random) => {
  const most = Math.max(1, Math.floor(REPEATS_MAX / Math.max(1, bytes.length)));
  return Buffer.concat(Array.from({ length: 1 + random.below(most) }, () => bytes));
};

const replaced: Mutation = (_bytes, random) => randomBytes(random, random.below(RANDOM_BYTES_MAX));

/** A length or number of the largest kinds somewhere. */
const oversized: Mutation = (bytes, random) => {
  const huge = random.pick([
    Buffer.from('ffffffff0f', 'hex'),
    Buffer.from('ffffffffffffffffff01', 'hex'),
    Buffer.from('8080808080808080808080', 'hex'),
    Buffer.from('ffffffff07', 'hex'),
    Buffer.from('80808010', 'hex'),
  ]);
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), huge, bytes.subarray(at + random.below(3))]);
};

/** Messages in messages in messages, or groups in groups. */
const nested: Mutation = (bytes, random) => {
  const depth = 1 + random.below(NESTING);
  if (random.chance(50)) return Buffer.concat([Buffer.alloc(depth, 0x0b), bytes]);
  let message = bytes;
  for (let i = 0; i < Math.min(depth, 60); i++) {
    message = Buffer.concat([Buffer.from([0x0a, Math.min(127, message.length)]), message]);
  }
  return message;
};

const untouched: Mutation = (bytes) => bytes;

const MUTATIONS: readonly Mutation[] = [
  untouched,
  truncated,
  truncated,
  flipped,
  flipped,
  inserted,
  cutOut,
  repeated,
  replaced,
  oversized,
  nested,
];

export function mutated(bytes: Buffer, random: Random): Buffer {
  const once = random.pick(MUTATIONS)(bytes, random);
  return random.chance(20) ? random.pick(MUTATIONS)(once, random) : once;
}

/** The frames of a chunk stream in wrong ways. */
export function mutatedFrames(payloads: readonly Buffer[], random: Random): Buffer[] {
  const frames = payloads.map((payload) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(frameLength(payload.length, random));
    return Buffer.concat([length, payload]);
  });
  const all = Buffer.concat(frames);
  const stream = random.chance(40) ? mutated(all, random) : all;
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const size = 1 + random.below(random.chance(20) ? 12 : 70_000);
    chunks.push(stream.subarray(at, at + size));
    at += size;
    if (chunks.length > 200) return [...chunks, stream.subarray(at)];
  }
  return chunks;
}

function frameLength(actual: number, random: Random): bigint {
  if (random.chance(75)) return BigInt(actual);
  return random.pick([
    0n,
    BigInt(actual + 1),
    BigInt(Math.max(0, actual - 1)),
    1n << 31n,
    (1n << 53n) + 1n,
    (1n << 64n) - 1n,
  ]);
}
