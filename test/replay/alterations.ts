import type { ExpectedMessage, ExpectedValue } from './trace.js';

/**
 * Answers made from recordings: the very one that was recorded, and all that differ from it in one place.
 * With them a test sees whether the comparison would notice.
 */

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function field(number: string, wireType: number, ...parts: Buffer[]): Buffer {
  return Buffer.concat([varint((BigInt(number) << 3n) | BigInt(wireType)), ...parts]);
}

/** The bytes that a value stands for; undefined where any would do. */
export function contentOf({ s, b, m }: ExpectedValue): Buffer | undefined {
  if (m !== undefined) return encode(m);
  if (s !== undefined) return Buffer.from(s);
  return b === undefined ? undefined : Buffer.from(b, 'hex');
}

function encodeValue(number: string, value: ExpectedValue): Buffer {
  if (value.v !== undefined) return field(number, 0, varint(BigInt(value.v)));
  if (value.d !== undefined) {
    const double = Buffer.alloc(8);
    double.writeDoubleLE(value.d);
    return field(number, 1, double);
  }
  const content = contentOf(value) ?? Buffer.from('any');
  return field(number, 2, varint(BigInt(content.length)), content);
}

/** The message as a server would send it. */
export function encode(message: ExpectedMessage): Buffer {
  const fields = Object.entries(message).flatMap(([number, values]) =>
    values.map((value) => encodeValue(number, value)),
  );
  return Buffer.concat(fields);
}

export interface Alteration {
  /** Where and what, for the text of a failure. */
  readonly name: string;
  readonly message: ExpectedMessage;
}

/** Every message with one value that is another, one value too few or one too many. */
export function* alterations(message: ExpectedMessage, where = ''): Generator<Alteration> {
  for (const [number, values] of Object.entries(message)) {
    const at = `${where}.${number}`;
    const [first] = values;
    if (first === undefined || first.count === '*') continue;
    const altered = (name: string, list: readonly ExpectedValue[]): Alteration => ({
      name: `${at} ${name}`,
      message: { ...message, [number]: list },
    });
    yield altered('one too many', [...values, first]);
    if (!values.every(mayBeMissing)) yield altered('one too few', values.slice(1));
    for (const [i, value] of values.entries()) {
      for (const other of others(value, at)) {
        yield altered(other.name, values.with(i, other.value));
      }
    }
  }
}

/** An empty message equals none. */
function mayBeMissing({ optional, m }: ExpectedValue): boolean {
  return optional !== undefined || (m !== undefined && Object.keys(m).length === 0);
}

function* others(
  value: ExpectedValue,
  at: string,
): Generator<{ readonly name: string; readonly value: ExpectedValue }> {
  const { v, d, s, b, m } = value;
  if (v !== undefined) yield { name: 'another number', value: { v: String(BigInt(v) + 1n) } };
  if (v !== undefined) yield { name: 'another type', value: { s: v } };
  if (d !== undefined) yield { name: 'another double', value: { d: d + 0.5 } };
  if (d !== undefined) yield { name: 'the other sign', value: { d: -d - 1 } };
  if (s !== undefined) yield { name: 'another text', value: { s: `${s}x` } };
  if (b !== undefined) yield { name: 'more bytes', value: { b: `${b}00` } };
  if (b !== undefined && b !== '') yield { name: 'other bytes', value: { b: flipLast(b) } };
  if (m !== undefined) {
    yield { name: 'a number in place of the message', value: { v: '1' } };
    for (const { name, message } of alterations(m, at)) yield { name, value: { m: message } };
  }
}

function flipLast(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  const last = bytes.length - 1;
  bytes.writeUInt8((bytes[last] as number) ^ 1, last);
  return bytes.toString('hex');
}
