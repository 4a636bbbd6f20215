import { isUtf8 } from 'node:buffer';
import { WireDecodeError } from './errors.js';

/** Deepest nesting of groups that is skipped; the protocol itself has no groups. */
const GROUP_DEPTH_MAX = 100;

/**
 * How many sub-messages, elements of repeated fields and map entries one message may hold. An
 * element costs from 2 bytes on the wire and 50 to 100 in memory: without a bound a request of 32
 * MiB becomes a gigabyte of objects, and it is decoded before anybody has logged in.
 */
export const REQUEST_ELEMENT_COUNT_MAX = 262_144;

/** The same for answers: 32 MiB of transactions hold some 800,000 entries. */
export const RESPONSE_ELEMENT_COUNT_MAX = 2_097_152;

const EMPTY = new Uint8Array(0);
const TWO_32 = 0x1_0000_0000;
/** Upper half of 2^53. */
const UNSAFE_HIGH = 0x20_0000;

function truncated(): WireDecodeError {
  return new WireDecodeError('messageTruncated', 'the message ends inside a field');
}

function malformed(what: string): WireDecodeError {
  return new WireDecodeError('messageMalformed', `the message is malformed: ${what}`);
}

/**
 * Reads the protobuf wire format from hostile bytes: throws `WireDecodeError` and nothing else,
 * takes time and memory linear in the input, and never recurses.
 *
 * Bytes fields are views on the input, which must not change while they are in use; copy what is
 * kept.
 */
export class WireReader {
  pos = 0;
  /** Number of input bytes: the end of the outermost message. */
  readonly length: number;
  private readonly buf: Buffer;
  private elementsLeft: number;
  private low = 0;
  private high = 0;

  constructor(input: Uint8Array, elementCountMax = REQUEST_ELEMENT_COUNT_MAX) {
    this.buf = Buffer.isBuffer(input)
      ? input
      : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
    this.length = input.byteLength;
    this.elementsLeft = elementCountMax;
  }

  /** Field number and wire type; the caller makes sure that a byte is left. */
  tag(): number {
    const first = this.buf[this.pos] as number;
    if (first < 0x80) {
      this.pos++;
      return first;
    }
    this.varint();
    if (this.high !== 0) throw malformed('field number out of range');
    return this.low;
  }

  /** `Infinity` when the number is above 2^53 - 1. */
  uint64(): number {
    const first = this.buf[this.pos] as number;
    if (first < 0x80) {
      this.pos++;
      return first;
    }
    this.varint();
    if (this.high === 0) return this.low;
    return this.high >= UNSAFE_HIGH ? Number.POSITIVE_INFINITY : this.high * TWO_32 + this.low;
  }

  /** Positive or negative infinity when the number is not a safe integer. */
  int64(): number {
    const first = this.buf[this.pos] as number;
    if (first < 0x80) {
      this.pos++;
      return first;
    }
    this.varint();
    if (this.high < 0x8000_0000) {
      return this.high >= UNSAFE_HIGH ? Number.POSITIVE_INFINITY : this.high * TWO_32 + this.low;
    }
    const magnitude = (~this.high >>> 0) * TWO_32 + (~this.low >>> 0) + 1;
    return Number.isSafeInteger(magnitude) ? -magnitude : Number.NEGATIVE_INFINITY;
  }

  /** The low 32 bits, as every implementation does with a longer number. */
  int32(): number {
    this.varint();
    return this.low | 0;
  }

  uint32(): number {
    this.varint();
    return this.low;
  }

  bool(): boolean {
    this.varint();
    return this.low !== 0 || this.high !== 0;
  }

  float(): number {
    const at = this.take(4);
    return this.buf.readFloatLE(at);
  }

  double(): number {
    const at = this.take(8);
    return this.buf.readDoubleLE(at);
  }

  /** A view on the input; always a plain Uint8Array. */
  bytes(): Uint8Array {
    const size = this.size();
    if (size === 0) return EMPTY;
    const start = this.pos;
    this.pos = start + size;
    // A quarter of the cost of Buffer's subarray.
    return new Uint8Array(this.buf.buffer, this.buf.byteOffset + start, size);
  }

  string(): string {
    const size = this.size();
    if (size === 0) return '';
    const start = this.pos;
    this.pos = start + size;
    const text = this.buf.toString('utf8', start, this.pos);
    if (text.includes('\ufffd') && !isUtf8(this.buf.subarray(start, this.pos))) {
      throw new WireDecodeError('messageInvalidText', 'a text of the message is not UTF-8');
    }
    return text;
  }

  /** Counts one element of a repeated field. */
  element(): void {
    if (--this.elementsLeft < 0) {
      throw new WireDecodeError('messageTooManyElements', 'the message holds too many elements');
    }
  }

  /** Enters a sub-message: the position where it ends. */
  nested(): number {
    this.element();
    const size = this.size();
    return this.pos + size;
  }

  /** Every message calls this when it is done: a field must not reach beyond its message. */
  leave(end: number): void {
    if (this.pos !== end) throw truncated();
  }

  /** Skips the field of a tag that the message does not know. */
  skip(tag: number): void {
    const open: number[] = [];
    let current = tag;
    for (;;) {
      const field = current >>> 3;
      const wireType = current & 7;
      if (field === 0) throw malformed('field number 0');
      if (wireType === 3) {
        if (open.length === GROUP_DEPTH_MAX) throw malformed('groups are nested too deep');
        open.push(field);
      } else if (wireType === 4) {
        if (open.pop() !== field) throw malformed('group ends without a start');
      } else {
        this.skipValue(wireType);
      }
      if (open.length === 0) return;
      if (this.pos >= this.length) throw truncated();
      current = this.tag();
    }
  }

  private skipValue(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.take(8);
    else if (wireType === 2) this.take(this.size());
    else if (wireType === 5) this.take(4);
    else throw malformed('unknown wire type');
  }

  private take(count: number): number {
    const at = this.pos;
    if (this.length - at < count) throw truncated();
    this.pos = at + count;
    return at;
  }

  /** A length that fits into what is left of the input. */
  private size(): number {
    const first = this.buf[this.pos] as number;
    let size: number;
    if (first < 0x80) {
      this.pos++;
      size = first;
    } else {
      this.varint();
      if (this.high !== 0) throw truncated();
      size = this.low;
    }
    if (size > this.length - this.pos) throw truncated();
    return size;
  }

  private varint(): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (this.pos >= this.length) throw truncated();
      const byte = this.buf[this.pos++] as number;
      const bits = byte & 0x7f;
      if (i < 4) {
        low |= bits << (7 * i);
      } else if (i === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        high |= bits << (7 * i - 32);
      }
      if (byte < 0x80) {
        if (i === 9 && byte > 1) break;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw malformed('a number has more than 64 bits');
  }
}

/**
 * Reads one map entry into `map`; the last of several entries with one key holds. `readValue` reads
 * the value, or gives its default when it gets the position where an absent one would stand.
 */
export function readMapEntry<V>(
  r: WireReader,
  map: Map<string, V>,
  valueTag: number,
  readValue: (absentAt?: number) => V,
): void {
  const end = r.nested();
  let key = '';
  let value: V | undefined;
  while (r.pos < end) {
    const tag = r.tag();
    if (tag === 10) key = r.string();
    else if (tag === valueTag) value = readValue();
    else r.skip(tag);
  }
  r.leave(end);
  map.set(key, value ?? readValue(end));
}
