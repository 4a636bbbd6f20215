import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeoutMs } from '../../../src/rpc/grpc/headers.js';
import { MessageReader } from '../../../src/rpc/grpc/message-reader.js';
import { newLine, Turns } from '../../../src/rpc/grpc/turns.js';
import type { RpcError } from '../../../src/rpc/rpc-error.js';
import { onTheWire } from '../fixture.js';

const LIMITS = { receiveBytesMax: 1_000_000, messageFramesMax: 4096 };

function messagesOf(pieces: readonly Buffer[]): Buffer[] {
  const reader = new MessageReader(LIMITS);
  const messages = pieces.flatMap((piece) => reader.push(piece).map(({ bytes }) => bytes));
  assert.equal(reader.inside, false);
  return messages;
}

test('messages come out whole, wherever the pieces were cut', () => {
  const sent = [0, 1, 5, 70_000, 0, 3].map((length, i) => Buffer.alloc(length, i + 1));
  const whole = Buffer.concat(sent.map((message) => onTheWire(message)));
  for (const size of [1000, 4096, 65_536, whole.length]) {
    const pieces: Buffer[] = [];
    for (let at = 0; at < whole.length; at += size) pieces.push(whole.subarray(at, at + size));
    assert.deepEqual(messagesOf(pieces), sent, `pieces of ${size}`);
  }
  const short = Buffer.concat([onTheWire(Buffer.from('abc')), onTheWire(Buffer.from('d'))]);
  const bytes = Array.from(short, (byte) => Buffer.from([byte]));
  assert.deepEqual(messagesOf(bytes).map(String), ['abc', 'd']);
});

test('a message shares no memory with the piece it came in', () => {
  const piece = onTheWire(Buffer.from('value'));
  const [message] = messagesOf([piece]);
  piece.fill(0);
  assert.equal(String(message), 'value');
});

test('a length above the limit is refused before anything of it comes', () => {
  const head = Buffer.from([0, 0, 0x0f, 0x42, 0x41]);
  const refused = (e: RpcError) =>
    e.code === 'messageTooLong' && /1000001 vs\. 1000000/.test(e.message);
  assert.throws(() => new MessageReader(LIMITS).push(head), refused);
});

test('frames of a byte are refused after a thousand, larger ones at the limit', () => {
  const count = (size: number) => {
    const reader = new MessageReader(LIMITS);
    reader.push(onTheWire(Buffer.alloc(1_000_000)).subarray(0, 5));
    let pieces = 0;
    try {
      for (; pieces < 10_000; pieces++) reader.push(Buffer.alloc(size));
    } catch (error) {
      assert.equal((error as RpcError).code, 'messageFrames');
    }
    return pieces;
  };
  assert.equal(count(1), 1023);
  assert.equal(count(100), 4095);
});

test('timeouts of the protocol are read in all units, others not at all', () => {
  const values = ['1H', '2M', '3S', '4m', '5000u', '6000000n'].map(timeoutMs);
  assert.deepEqual(values, [3_600_000, 120_000, 3000, 4, 5, 6]);
  for (const wrong of ['', '5', 'S', '123456789S', '-1S', '1 S']) {
    assert.equal(timeoutMs(wrong), undefined, wrong);
  }
});

test('calls of many connections take turns when one sends many', async () => {
  const turns = new Turns();
  const busy = newLine();
  const done: string[] = [];
  for (let i = 0; i < 300; i++) turns.begin(busy, () => done.push(`busy ${i}`));
  turns.begin(newLine(), () => done.push('other'));
  assert.equal(done.length, 0);
  while (done.length < 301) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done[64], 'other');
  const order = done.filter((name) => name !== 'other');
  assert.deepEqual(
    order,
    Array.from({ length: 300 }, (_, i) => `busy ${i}`),
  );
});
