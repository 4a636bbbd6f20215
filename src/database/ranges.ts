import { rawKeyOf, SORTED_SET_PREFIX } from '../proofs/index.js';
import { sortableScore } from '../storage/index.js';
import type { ScanRequest, ZScanRequest } from './types.js';

/** Index keys from `low`, included, to `high`, left out. */
export interface KeyRange {
  readonly low: Buffer;
  readonly high: Buffer;
}

const ZERO = Buffer.from([0]);

/** The smallest key after all keys that start with this one. */
export function afterPrefix(prefix: Buffer): Buffer {
  for (let end = prefix.length; end > 0; end--) {
    if (prefix[end - 1] === 0xff) continue;
    const after = Buffer.from(prefix.subarray(0, end));
    after[end - 1] = (after[end - 1] as number) + 1;
    return after;
  }
  return Buffer.from([0xff]);
}

/** The smallest key after this one. */
export function successor(key: Buffer): Buffer {
  return Buffer.concat([key, ZERO]);
}

function maxOf(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) >= 0 ? a : b;
}

function minOf(a: Buffer, b: Buffer): Buffer {
  return Buffer.compare(a, b) <= 0 ? a : b;
}

/** Narrows a range: begin at a key in the direction of reading, and stop at another one. */
function narrow(
  range: KeyRange,
  desc: boolean,
  seek: Buffer | undefined,
  inclusiveSeek: boolean,
  stop: Buffer | undefined,
  inclusiveStop: boolean,
): KeyRange {
  let { low, high } = range;
  if (seek !== undefined) {
    if (desc) high = minOf(high, inclusiveSeek ? successor(seek) : seek);
    else low = maxOf(low, inclusiveSeek ? seek : successor(seek));
  }
  if (stop !== undefined) {
    if (desc) low = maxOf(low, inclusiveStop ? stop : successor(stop));
    else high = minOf(high, inclusiveStop ? successor(stop) : stop);
  }
  return { low, high };
}

export function prefixRange(prefix: Uint8Array): KeyRange {
  const low = rawKeyOf(prefix);
  return { low, high: afterPrefix(low) };
}

export function scanRange(request: ScanRequest): KeyRange {
  const { desc, inclusiveSeek, inclusiveEnd } = request;
  const seek = request.seekKey.length === 0 ? undefined : rawKeyOf(request.seekKey);
  const end = request.endKey.length === 0 ? undefined : rawKeyOf(request.endKey);
  return narrow(prefixRange(request.prefix), desc, seek, inclusiveSeek, end, inclusiveEnd);
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** Both score bounds count; 0 and -0 are the same bound. */
export function zScanRange(request: ZScanRequest): KeyRange {
  const { set, desc, minScore, maxScore, inclusiveSeek } = request;
  const prefix = Buffer.concat([Buffer.from([SORTED_SET_PREFIX]), u64(set.length), set]);
  let low = prefix;
  let high = afterPrefix(prefix);
  if (minScore !== undefined) {
    low = Buffer.concat([prefix, sortableScore(minScore === 0 ? -0 : minScore)]);
  }
  if (maxScore !== undefined) {
    high = afterPrefix(Buffer.concat([prefix, sortableScore(maxScore === 0 ? 0 : maxScore)]));
  }
  if (request.seekKey.length === 0) return { low, high };
  const seek = Buffer.concat([
    prefix,
    sortableScore(request.seekScore),
    u64(1 + request.seekKey.length),
    rawKeyOf(request.seekKey),
    u64(request.seekAtTx),
  ]);
  return narrow({ low, high }, desc, seek, inclusiveSeek, undefined, false);
}
