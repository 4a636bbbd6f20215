import { once } from 'node:events';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import {
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { assert } from '../../base/assert.js';
import type { Log } from '../../base/log.js';
import type { Front } from '../front/index.js';
import type { CallAcceptor, TlsFiles, Transport } from '../transport.js';
import { Connection } from './connection.js';
import { handshakeReason } from './handshake-reason.js';
import { responseHeaders } from './headers.js';
import { refuseConnection } from './refuse-connection.js';
import { Turns } from './turns.js';

export interface GrpcTransportOptions {
  readonly front: Front;
  readonly accept: CallAcceptor;
  /** Headers of every answer. */
  readonly initialMetadata: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** How often connections are looked at that take too long or too much. */
const SWEEP_INTERVAL_MS = 500;

/** gRPC over the HTTP/2 of Node. */
export class GrpcTransport implements Transport {
  readonly #options: GrpcTransportOptions;
  readonly #front: Front;
  readonly #headers: ReturnType<typeof responseHeaders>;
  readonly #turns = new Turns();
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<Connection>();
  readonly #listeners: Server[] = [];
  readonly #sweeper: NodeJS.Timeout;
  #tls: TlsServer | undefined;

  constructor(options: GrpcTransportOptions) {
    this.#options = options;
    this.#front = options.front;
    this.#headers = responseHeaders(options.initialMetadata);
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS).unref();
  }

  async listen(address: string, port: number, tls?: TlsFiles): Promise<number> {
    const secure = tls === undefined ? undefined : this.#tlsServer(tls);
    const listener = createTcpServer({ noDelay: true }, (socket) => {
      if (!this.#enter(socket, secure !== undefined)) return;
      if (secure === undefined) this.#take(socket);
      else secure.emit('connection', socket);
    });
    this.#listeners.push(listener);
    listener.listen({ host: address, port });
    await once(listener, 'listening');
    // Such as too many open files: this connection is lost, the next may work.
    listener.on('error', (error) => {
      this.#options.log.error('a connection was not accepted', { reason: error.message });
    });
    return (listener.address() as AddressInfo).port;
  }

  /** Does the handshakes; it gets its connections from the listener, which counts them. */
  #tlsServer(files: TlsFiles): TlsServer {
    const { tlsHandshakeTimeoutMs } = this.#front.limits;
    const server = createTlsServer(
      {
        ...tlsContext(files),
        noDelay: true,
        ALPNProtocols: ['h2'],
        requestCert: files.requireClientCert === true,
        rejectUnauthorized: true,
        handshakeTimeout: tlsHandshakeTimeoutMs,
      },
      (socket) => this.#takeSecure(socket),
    );
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      const late = error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
      if (late) this.#front.counted('tls-handshake-timeout');
      // The TLS socket may be closed by now; the one below it remembers its address.
      const parent = Reflect.get(socket, '_parent') as Socket | undefined;
      const address = socket.remoteAddress ?? parent?.remoteAddress;
      const reason = handshakeReason(error, socket.authorizationError);
      this.#front.warn('TLS connection refused', reason, address);
      socket.destroy();
    });
    this.#tls = server;
    return server;
  }

  /** Asks the gate, once for each connection. */
  #enter(socket: Socket, secure: boolean): boolean {
    const address = socket.remoteAddress;
    // It is gone already.
    if (address === undefined) {
      socket.destroy();
      return false;
    }
    const limit = this.#front.gate.enter(address, this.#front.now());
    if (limit !== undefined) {
      this.#front.reached(limit, 'connection refused', address);
      if (secure) socket.destroy();
      else refuseConnection(socket, limit);
      return false;
    }
    this.#front.connectionAccepted();
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#front.gate.leave(address);
    });
    return true;
  }

  #takeSecure(socket: TLSSocket): void {
    socket.on('error', () => {});
    if (socket.alpnProtocol === 'h2') {
      this.#take(socket);
      return;
    }
    this.#front.warn(
      'TLS connection refused',
      'the client does not ask for h2',
      socket.remoteAddress,
    );
    socket.destroy();
  }

  #take(socket: Socket): void {
    const connection = new Connection(socket, {
      front: this.#front,
      accept: this.#options.accept,
      headers: this.#headers,
      turns: this.#turns,
      onTooMuchUnsent: () => this.#relieve(),
    });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }

  /** Ends the connection whose client leaves the most lying. */
  #relieve(): void {
    let worst: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.unsentBytes > (worst?.unsentBytes ?? 0)) worst = connection;
    }
    worst?.abort('max-unsent-size', 'connection ended: its client takes its answers too slowly');
  }

  /** Ends what has used up its time. */
  sweep(): void {
    const now = this.#front.now();
    for (const connection of this.#connections) connection.sweep(now);
    this.#front.sweep(now);
  }

  reloadTls(files: TlsFiles): void {
    assert(this.#tls !== undefined, 'certificates are reloaded where TLS is in use');
    this.#tls.setSecureContext(tlsContext(files));
  }

  async drain(graceMs: number): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#connections) connection.close();
    const force = setTimeout(() => this.#destroyAll(), graceMs);
    await Promise.all(
      [...this.#sockets].map((socket) => (socket.closed ? undefined : once(socket, 'close'))),
    );
    clearTimeout(force);
    clearInterval(this.#sweeper);
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const listener of this.#listeners) listener.close();
    this.#destroyAll();
  }

  #destroyAll(): void {
    for (const connection of this.#connections) connection.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function tlsContext({ cert, key, ca, minVersion = 'TLSv1.2' }: TlsFiles): TlsOptions {
  return { cert, key, minVersion, ...(ca === undefined ? {} : { ca }) };
}
