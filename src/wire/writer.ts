/**
 * What an encoder takes for a message of type T: every field may be left out, then it has its
 * default value (or is absent, if it is a message).
 */
export type Init<T> = T extends Uint8Array
  ? Uint8Array
  : T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<K, Init<V>>
    : T extends readonly (infer E)[]
      ? readonly Init<E>[]
      : T extends object
        ? { readonly [K in keyof T]?: Init<T[K]> | undefined }
        : T;

/** Small messages share memory blocks of this size. */
const BLOCK_BYTES = 16_384;
/** Messages up to this size grow in large steps. */
const FAST_GROWTH_BYTES_MAX = 524_288;
const TWO_32 = 0x1_0000_0000;

function notInRange(name: string, expected: string, value: unknown): RangeError {
  const got = typeof value === 'number' ? String(value) : typeof value;
  return new RangeError(`${name}: expected ${expected}, got ${got}`);
}

/**
 * Writes the protobuf wire format back to front, so that the length of a nested message is known
 * when its prefix is due: fields are given from the highest number to the lowest, a value before
 * its tag. A method called with `undefined` or the default value of its type writes nothing unless
 * `always`. A number that its type cannot hold, and anything that is no number, is a `RangeError`
 * that names the field.
 */
export class WireWriter {
  private buf = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** First byte written; everything below is free. */
  private pos = BLOCK_BYTES;
  /** One beyond the last byte of the message in work. */
  private end = BLOCK_BYTES;

  /** Starts a message; what an interrupted one left behind is never handed out. */
  begin(): void {
    this.end = this.pos;
  }

  /** The message since `begin`, without a copy. */
  finish(): Buffer {
    const message = this.buf.subarray(this.pos, this.end);
    if (this.buf.length > BLOCK_BYTES) {
      // A small message must not keep a big block alive.
      this.buf = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.pos = BLOCK_BYTES;
    }
    this.end = this.pos;
    return message;
  }

  /** Bytes of the message so far. */
  get size(): number {
    return this.end - this.pos;
  }

  uint64(tag: number, value: number | undefined, name: string, always = false): void {
    if (value === undefined || (value === 0 && !always)) return;
    if (!Number.isSafeInteger(value) || value < 0) {
      throw notInRange(name, 'a safe integer from 0', value);
    }
    if (value < 0x8000_0000) this.varint32(value);
    else this.varint64(value >>> 0, Math.floor(value / TWO_32));
    this.varint32(tag);
  }

  int64(tag: number, value: number | undefined, name: string, always = false): void {
    if (value === undefined || (value === 0 && !always)) return;
    if (!Number.isSafeInteger(value)) throw notInRange(name, 'a safe integer', value);
    this.signed(value);
    this.varint32(tag);
  }

  int32(tag: number, value: number | undefined, name: string, always = false): void {
    if (value === undefined || (value === 0 && !always)) return;
    if (!Number.isSafeInteger(value) || (value | 0) !== value) {
      throw notInRange(name, 'a 32-bit integer', value);
    }
    this.signed(value);
    this.varint32(tag);
  }

  uint32(tag: number, value: number | undefined, name: string, always = false): void {
    if (value === undefined || (value === 0 && !always)) return;
    if (!Number.isSafeInteger(value) || value >>> 0 !== value) {
      throw notInRange(name, 'a 32-bit integer from 0', value);
    }
    this.varint32(value);
    this.varint32(tag);
  }

  bool(tag: number, value: boolean | undefined, always = false): void {
    if (value === undefined || (!value && !always)) return;
    this.varint32(value ? 1 : 0);
    this.varint32(tag);
  }

  float(tag: number, value: number | undefined, name: string, always = false): void {
    if (value === undefined || (Object.is(value, 0) && !always)) return;
    if (typeof value !== 'number') throw notInRange(name, 'a number', value);
    const at = this.reserve(4);
    this.buf.writeFloatLE(value, at);
    this.varint32(tag);
  }

  /** Minus zero is not the default. */
  double(tag: number, value: number | undefined, name: string, always = false): void {
    if (value === undefined || (Object.is(value, 0) && !always)) return;
    if (typeof value !== 'number') throw notInRange(name, 'a number', value);
    const at = this.reserve(8);
    this.buf.writeDoubleLE(value, at);
    this.varint32(tag);
  }

  bytes(tag: number, value: Uint8Array | undefined, always = false): void {
    if (value === undefined || (value.length === 0 && !always)) return;
    const at = this.reserve(value.length);
    this.buf.set(value, at);
    this.varint32(value.length);
    this.varint32(tag);
  }

  string(tag: number, value: string | undefined, always = false): void {
    if (value === undefined || (value.length === 0 && !always)) return;
    const size = Buffer.byteLength(value);
    const at = this.reserve(size);
    this.buf.write(value, at, 'utf8');
    this.varint32(size);
    this.varint32(tag);
  }

  /** Closes a nested message whose fields were written since the size was `sizeBefore`. */
  message(tag: number, sizeBefore: number): void {
    this.varint32(this.size - sizeBefore);
    this.varint32(tag);
  }

  private signed(value: number): void {
    if (value >= 0 && value < 0x8000_0000) this.varint32(value);
    else this.varint64(value >>> 0, Math.floor(value / TWO_32) >>> 0);
  }

  private varint32(value: number): void {
    if (value < 0x80) {
      const at = this.reserve(1);
      this.buf[at] = value;
      return;
    }
    const bits = 32 - Math.clz32(value);
    let at = this.reserve(Math.ceil(bits / 7));
    let rest = value;
    while (rest >= 0x80) {
      this.buf[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buf[at] = rest;
  }

  private varint64(low: number, high: number): void {
    const bits = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
    const count = Math.max(1, Math.ceil(bits / 7));
    const at = this.reserve(count);
    const last = at + count - 1;
    let l = low;
    let h = high;
    for (let i = at; i < last; i++) {
      this.buf[i] = (l & 0x7f) | 0x80;
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    this.buf[last] = l;
  }

  /** Where the next `count` bytes go. Call it before `buf` is looked at: it may replace it. */
  private reserve(count: number): number {
    if (this.pos < count) this.grow(count);
    this.pos -= count;
    return this.pos;
  }

  private grow(count: number): void {
    const used = this.size;
    // Little of what is never touched costs memory, and copying what was written costs time.
    const factor = used < FAST_GROWTH_BYTES_MAX ? 8 : 2;
    const length = Math.max(BLOCK_BYTES, factor * used, used + count + 256);
    const buf = Buffer.allocUnsafeSlow(length);
    this.buf.copy(buf, length - used, this.pos, this.end);
    this.buf = buf;
    this.pos = length - used;
    this.end = length;
  }
}

/** Writes the entries of a map, in its order; key and value always, as other implementations do. */
export function writeMap<V>(
  w: WireWriter,
  tag: number,
  map: ReadonlyMap<string, V> | undefined,
  writeValue: (value: V) => void,
): void {
  if (map === undefined) return;
  for (const [key, value] of [...map].reverse()) {
    const size = w.size;
    writeValue(value);
    w.string(10, key, true);
    w.message(tag, size);
  }
}

const shared = new WireWriter();

/**
 * Runs a generated write function and returns its bytes. They may share memory with other messages,
 * as small Buffers of Node do, and are never written again.
 */
export function encodeWith<T>(write: (w: WireWriter, message: T) => void, message: T): Buffer {
  shared.begin();
  write(shared, message);
  return shared.finish();
}
