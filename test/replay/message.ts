/** One field of a message of which no schema is known. */
export type Field =
  | { readonly kind: 'varint'; readonly value: bigint }
  | { readonly kind: 'fixed64' | 'fixed32' | 'bytes'; readonly value: Buffer };

/** Values by field number, in the order in which they came. */
export type Message = ReadonlyMap<number, readonly Field[]>;

class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new Error('a number is cut short');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error('a number is too long');
  }

  take(length: number): Buffer {
    if (this.at + length > this.#bytes.length) throw new Error('a field is cut short');
    const taken = this.#bytes.subarray(this.at, this.at + length);
    this.at += length;
    return taken;
  }
}

/** @throws Error for bytes that are no message */
export function parseMessage(bytes: Buffer): Message {
  const reader = new Reader(bytes);
  const message = new Map<number, Field[]>();
  while (!reader.done) {
    const tag = reader.varint();
    const number = Number(tag >> 3n);
    const values = message.get(number) ?? [];
    values.push(parseField(reader, Number(tag & 7n)));
    message.set(number, values);
  }
  return message;
}

function parseField(reader: Reader, wireType: number): Field {
  switch (wireType) {
    case 0:
      return { kind: 'varint', value: reader.varint() };
    case 1:
      return { kind: 'fixed64', value: reader.take(8) };
    case 2:
      return { kind: 'bytes', value: reader.take(Number(reader.varint())) };
    case 5:
      return { kind: 'fixed32', value: reader.take(4) };
    default:
      throw new Error(`wire type ${wireType}`);
  }
}

/** A scalar with its zero value, or an empty text or message: the same as nothing on the wire. */
export function isZero(field: Field): boolean {
  if (field.kind === 'varint') return field.value === 0n;
  if (field.kind === 'bytes') return field.value.length === 0;
  return field.value.every((byte) => byte === 0);
}

/** For people; a number stays one. */
export function show(field: Field): string | number {
  if (field.kind === 'varint') return String(field.value);
  if (field.kind === 'fixed64') return field.value.readDoubleLE();
  const text = field.value.toString('latin1');
  return /^[\x20-\x7e]*$/.test(text)
    ? text.slice(0, 200)
    : `hex:${field.value.toString('hex').slice(0, 200)}`;
}

/** Cuts the concatenated contents of a chunk stream at its length prefixes; a rest stays as it is. */
export function cutSegments(content: Buffer): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  while (at + 8 <= content.length) {
    const end = at + 8 + Number(content.readBigUInt64BE(at));
    if (end > content.length) break;
    found.push(content.subarray(at + 8, end));
    at = end;
  }
  if (at < content.length) found.push(content.subarray(at));
  return found;
}
