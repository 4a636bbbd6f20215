const TWO_32 = 0x1_0000_0000;

/** A copy that shares no memory with its source. */
export function copyBytes(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

/** A Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Not in constant time: for digests and keys, never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * @param value a safe integer, not negative
 * @throws RangeError for any other, which the methods of Buffer would write as something else
 */
export function writeU64(out: Buffer, offset: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`value must be a safe integer from 0, got ${value}`);
  }
  out.writeUInt32BE(Math.floor(value / TWO_32), offset);
  out.writeUInt32BE(value % TWO_32, offset + 4);
}

/** May lose precision above 2^53 - 1: the caller checks with `Number.isSafeInteger`. */
export function readU64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * TWO_32 + bytes.readUInt32BE(offset + 4);
}

/**
 * Two's complement.
 * @param value a safe integer
 * @throws RangeError for any other
 */
export function writeI64(out: Buffer, offset: number, value: number): void {
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`value must be a safe integer, got ${value}`);
  }
  const high = Math.floor(value / TWO_32);
  out.writeInt32BE(high, offset);
  out.writeUInt32BE(value - high * TWO_32, offset + 4);
}

/** May lose precision beyond the safe integers: the caller checks with `Number.isSafeInteger`. */
export function readI64(bytes: Buffer, offset: number): number {
  return bytes.readInt32BE(offset) * TWO_32 + bytes.readUInt32BE(offset + 4);
}
