import { constants } from 'node:http2';
import type { Socket } from 'node:net';
import type { LimitName } from '../front/index.js';

const SETTINGS_FRAME = 4;
const GOAWAY_FRAME = 7;
/** For the client to read why. */
const LINGER_MS = 200;
/** Refused sockets that are still open; more are cut at once. */
const LINGERING_MAX = 100;

let lingering = 0;

/** Says which limit keeps a connection out in the frame that HTTP/2 has for it, and closes it. */
export function refuseConnection(socket: Socket, limit: LimitName): void {
  socket.on('error', () => {});
  if (lingering >= LINGERING_MAX) {
    socket.destroy();
    return;
  }
  lingering++;
  const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => {
    clearTimeout(cut);
    lingering--;
  });
  // Read, so that closing is no reset that would overtake the answer.
  socket.resume();
  socket.end(Buffer.concat([frame(SETTINGS_FRAME, Buffer.alloc(0)), goaway(limit)]));
}

function goaway(limit: LimitName): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(constants.NGHTTP2_ENHANCE_YOUR_CALM, 4);
  return frame(GOAWAY_FRAME, Buffer.concat([head, Buffer.from(`--${limit}`)]));
}

/** A frame of the connection itself, without flags. */
function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  return Buffer.concat([head, payload]);
}
