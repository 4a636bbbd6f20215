import { randomUUID } from 'node:crypto';
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { METHOD_NAMES, type MethodName, methods, STATUS } from '../../wire/index.js';
import { callStatus, mapError } from '../errors.js';
import {
  ControlBudget,
  type Front,
  type LimitName,
  ResetBudget,
  resetsEachCall,
} from '../front/index.js';
import { RpcError, type RpcErrorCode } from '../rpc-error.js';
import type { CallAcceptor, CallStatus, Peer } from '../transport.js';
import { type CallHome, GrpcCall } from './call.js';
import { trailersOf } from './headers.js';
import { newLine, type Turns } from './turns.js';

const MIB = 1_048_576;
/** Calls that wait for their turn and were given up already: no honest client has so many at once. */
const STILLBORN_MAX = 100;
/** New calls between two counts of them. */
const STILLBORN_CHECK = 25;
/** Given to a connection that was told to go, before it is cut. */
const CLOSE_GRACE_MS = 3000;
/** Between two looks at what such a connection still sends. */
const LAST_BYTES_CHECK_MS = 20;

const METHODS_BY_PATH: ReadonlyMap<string, MethodName> = new Map(
  METHOD_NAMES.map((name) => [methods[name].path, name]),
);

/** Limits that end a call, by the code of the error that ends it. */
const LIMIT_OF_ERROR: Readonly<Partial<Record<RpcErrorCode, LimitName>>> = {
  streamsBeforeLogin: 'max-streams-before-login',
  bytesBeforeLogin: 'max-size-before-login',
  bytesInFlight: 'max-inflight-size',
  connectionMemory: 'max-connection-memory',
  messageFrames: 'max-message-frames',
  messageTooLong: 'max-recv-msg-size',
  streamStalled: 'stream-progress-timeout',
};

export interface ConnectionOptions {
  readonly front: Front;
  readonly accept: CallAcceptor;
  /** Headers of every answer. */
  readonly headers: OutgoingHttpHeaders;
  readonly turns: Turns;
  /** Called when more answers wait for their clients than there may be. */
  onTooMuchUnsent(): void;
}

/** One connection: its calls, and what it holds and has left of each limit. */
export class Connection implements CallHome {
  readonly peer: Peer;
  readonly #options: ConnectionOptions;
  readonly #front: Front;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #calls = new Set<GrpcCall>();
  readonly #line = newLine();
  readonly #control: ControlBudget;
  readonly #resets: ResetBudget;
  /** Its client resets each call after the answer, and gives calls up when it is sent elsewhere. */
  #resetsEachCall = false;
  #heldBytes = 0;
  #unsentBytes = 0;
  #isLoggedIn = false;
  #called = false;
  /** Streams that wait for their turn. */
  readonly #waiting = new Set<ServerHttp2Stream>();
  /** It had as many calls as it may when it failed. */
  #wasFull = false;
  /** Unix milliseconds: the start, then the end of the last call. */
  #quietSince: number;
  /** When it was told to go. */
  #closingSince: number | undefined;

  /** @param socket whose handshake is over */
  constructor(socket: Socket, options: ConnectionOptions) {
    const { front } = options;
    const { limits } = front;
    this.#options = options;
    this.#front = front;
    this.#socket = socket;
    this.#quietSince = front.now();
    this.#control = new ControlBudget(limits.controlBytesMax, this.#quietSince);
    this.#resets = new ResetBudget(limits, this.#quietSince);
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    this.peer = {
      ...{ connection: randomUUID(), localAddress, localPort },
      ...{ address: remoteAddress, port: remotePort, tlsSubject: subjectOf(socket) },
    };
    // Node 20 does not know them and keeps to 1000 and 33.
    const resets = {
      streamResetBurst: limits.streamResetBurst,
      streamResetRate: limits.streamResetRate,
    };
    this.#session = performServerHandshake(socket, {
      ...resets,
      // Frames without content that do not end their stream, among others.
      maxSessionInvalidFrames: 100,
      maxSessionMemory: Math.max(1, Math.floor(limits.connectionMemoryBytes / MIB)),
      // Answers carry texts that are bounded where they are made.
      maxSendHeaderBlockLength: 65_536,
      settings: {
        maxConcurrentStreams: limits.streamsPerConnectionMax,
        initialWindowSize: limits.receiveWindowBytes,
        enablePush: false,
      },
    });
    this.#listen();
  }

  get limits() {
    return this.#front.limits;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  get crowded(): boolean {
    return this.#heldBytes + this.#unsentBytes > this.limits.connectionMemoryBytes / 2;
  }

  /** Takes no new calls and lets those under way end. */
  close(): void {
    this.#closingSince ??= this.#front.now();
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close();
  }

  /** Cuts it. */
  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  /** Cuts it off for a limit that an honest client does not reach, and says which. */
  abort(limit: LimitName, what: string): void {
    if (this.#session.destroyed) return;
    this.#front.reached(limit, what, this.peer.address);
    this.#tell(limit);
  }

  /** Names the limit in the last frame that the client gets. */
  #tell(limit: LimitName): void {
    if (this.#session.destroyed) return;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from(`--${limit}`));
    this.destroy();
  }

  sweep(now: number): void {
    for (const call of this.#calls) call.sweep(now);
    if (!this.#session.destroyed) this.#checkControl(now);
    if (this.#closingSince !== undefined) {
      // It may be that the client does not close its side.
      const late = now - this.#closingSince > CLOSE_GRACE_MS;
      if (late && this.#calls.size === 0) this.destroy();
      return;
    }
    if (this.#session.destroyed || this.#calls.size > 0) return;
    const quietMs = now - this.#quietSince;
    const limit = this.#called ? 'idle-timeout' : 'first-request-timeout';
    const { idleTimeoutMs, firstRequestTimeoutMs } = this.limits;
    if (quietMs <= (this.#called ? idleTimeoutMs : firstRequestTimeoutMs)) return;
    this.#front.counted(limit);
    this.close();
  }

  // What calls need.

  hold(bytes: number): RpcErrorCode | undefined {
    this.#control.data(bytes);
    const { bytesBeforeLoginMax, connectionMemoryBytes } = this.limits;
    const held = this.#heldBytes + bytes;
    if (!this.#isLoggedIn && held > bytesBeforeLoginMax) return 'bytesBeforeLogin';
    if (held + this.#unsentBytes > connectionMemoryBytes) return 'connectionMemory';
    if (!this.#front.hold(bytes, this.#isLoggedIn)) return 'bytesInFlight';
    this.#heldBytes = held;
    return undefined;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#front.release(bytes, this.#isLoggedIn);
  }

  dropped(bytes: number): void {
    this.#control.data(bytes);
  }

  unsent(bytes: number): void {
    this.#unsentBytes += bytes;
    if (bytes < 0) this.#control.answered(-bytes);
    if (this.#front.unsent(bytes) && bytes > 0) this.#options.onTooMuchUnsent();
  }

  loggedIn(): void {
    if (this.#isLoggedIn) return;
    this.#isLoggedIn = true;
    // Until now all calls together had the 64 KiB that HTTP/2 begins with.
    this.#session.setLocalWindowSize(this.limits.receiveWindowBytes);
    this.#front.promote(this.#heldBytes);
  }

  refused(code: RpcErrorCode): void {
    const limit = LIMIT_OF_ERROR[code];
    if (limit !== undefined) this.#front.reached(limit, 'call refused', this.peer.address);
    // There is more where that came from, and it is here already.
    if (code === 'messageFrames') this.#tell('max-message-frames');
  }

  closed(call: GrpcCall): void {
    this.#calls.delete(call);
    this.#front.streamClosed();
    this.#quietSince = this.#front.now();
  }

  // The session.

  #listen(): void {
    const session = this.#session;
    session.on('stream', (stream, headers) => this.#onStream(stream, headers));
    session.on('ping', () => {
      if (this.#control.ping()) this.abort('max-control-size', 'connection ended: too many pings');
    });
    session.on('priority', () => {
      if (this.#control.priority()) {
        this.abort('max-control-size', 'connection ended: too many priorities');
      }
    });
    session.on('remoteSettings', () => {
      if (this.#control.settings()) {
        this.abort('max-control-size', 'connection ended: too many changes of settings');
      }
    });
    // Of the protocol, or of the socket; the session is gone then.
    session.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    session.on('close', () => {
      this.#options.turns.forget(this.#line);
      this.#socket.destroy();
    });
    this.#socket.once('finish', () => this.#boundLastBytes());
  }

  /** The session has said goodbye; the socket takes in and drops what still comes, and that has an end. */
  #boundLastBytes(): void {
    const { receiveWindowBytes, controlBytesMax } = this.limits;
    // What an honest client may have sent before it knew.
    const max = this.#socket.bytesRead + receiveWindowBytes + controlBytesMax;
    const check = setInterval(() => {
      if (this.#socket.bytesRead > max) this.#socket.destroy();
    }, LAST_BYTES_CHECK_MS);
    this.#socket.once('close', () => clearInterval(check));
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return;
    if (this.#wasFull) {
      this.#front.reached(
        'max-streams-per-connection',
        'connection ended: too many calls',
        this.peer.address,
      );
      return;
    }
    this.#front.warn('connection ended: protocol error', error.message, this.peer.address);
  }

  #checkControl(now: number): void {
    const unread = () => {
      let bytes = 0;
      // Frames of a reasonable size weigh little more than what they carry.
      for (const call of this.#calls) bytes += 1.25 * call.unreadBytes + 1024;
      return bytes;
    };
    if (this.#control.exceeded(this.#socket.bytesRead, now, unread)) {
      this.abort('max-control-size', 'connection ended: too much that belongs to no call');
    }
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('close', () => {
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR || this.#resetsEachCall) return;
      // All that was open goes with the connection.
      if (this.#session.destroyed || this.#socket.destroyed) return;
      if (this.#closingSince !== undefined || !this.#resets.spend(this.#front.now())) return;
      this.#front.reached(
        'stream-reset-burst',
        'client sent to a new connection',
        this.peer.address,
      );
      this.close();
    });
    // The reason comes with 'close'. Streams go before their session says why it does.
    stream.on('error', () => {
      const open = this.#calls.size + this.#waiting.size;
      this.#wasFull ||= open >= this.limits.streamsPerConnectionMax;
    });
    this.#control.call();
    if (!isGrpc(headers)) {
      stream.respond({ ':status': 415 }, { endStream: true });
      this.#drop(stream);
      return;
    }
    const method = METHODS_BY_PATH.get(headers[':path'] ?? '');
    if (method === undefined) {
      this.#refuse(stream, { code: STATUS.UNIMPLEMENTED, text: 'unknown method' });
      return;
    }
    if (!this.#called) this.#greet(headers);
    this.#waiting.add(stream);
    if (this.#hasStillborn()) {
      this.abort('stream-reset-burst', 'connection ended: calls given up at once');
      return;
    }
    this.#options.turns.begin(this.#line, () => this.#accept(method, stream, headers));
  }

  #hasStillborn(): boolean {
    const { size } = this.#waiting;
    if (size < STILLBORN_MAX || size % STILLBORN_CHECK !== 0) return false;
    let gone = 0;
    for (const stream of this.#waiting) if (isGone(stream)) gone++;
    return gone >= STILLBORN_MAX;
  }

  #greet(headers: IncomingHttpHeaders): void {
    this.#called = true;
    this.#resetsEachCall = resetsEachCall(headers['user-agent']);
  }

  #accept(method: MethodName, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    this.#waiting.delete(stream);
    if (isGone(stream)) return;
    const { kind } = methods[method];
    const call = new GrpcCall(stream, headers, this, {
      manyRequests: kind === 'clientStream' || kind === 'bidi',
      now: this.#front.now(),
    });
    this.#calls.add(call);
    this.#front.streamOpened();
    // Before anything else: every answer has these headers.
    call.begin(this.#options.headers);
    const refusal = this.#refusalOfCall();
    if (refusal === undefined) {
      this.#options.accept(method, call);
      return;
    }
    this.refused(refusal);
    call.end(callStatus(mapError(new RpcError(refusal))));
  }

  #refusalOfCall(): RpcErrorCode | undefined {
    const { connectionMemoryBytes, streamsBeforeLoginMax } = this.limits;
    if (this.#heldBytes + this.#unsentBytes > connectionMemoryBytes) return 'connectionMemory';
    if (!this.#isLoggedIn && this.#calls.size > streamsBeforeLoginMax) return 'streamsBeforeLogin';
    return undefined;
  }

  /** Answers a stream that is not made a call. */
  #refuse(stream: ServerHttp2Stream, status: CallStatus): void {
    stream.respond({ ...this.#options.headers, ...trailersOf(status) }, { endStream: true });
    this.#drop(stream);
  }

  /** Lets a body pass that belongs to no call. */
  #drop(stream: ServerHttp2Stream): void {
    stream.on('data', (piece: Buffer) => this.dropped(piece.length));
  }
}

function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('application/grpc') === true;
}

/** `CN=alice, O=Example`, as the certificate has its parts. */
function subjectOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  return Object.entries(subject)
    .flatMap(([name, value]) => [value].flat().map((one) => `${name}=${one}`))
    .join(', ');
}
