import { once } from 'node:events';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import {
  createServer as createTlsServer,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import {
  Server as GrpcServer,
  Metadata,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { assert } from '../base/assert.js';
import type { Log } from '../base/log.js';
import { METHOD_NAMES, type MethodName, methods } from '../wire/index.js';
import { GrpcCall } from './grpc-call.js';
import { handshakeReason, RefusalLog } from './refusal-log.js';
import { STATUS } from './status.js';
import type { CallAcceptor, TlsFiles, Transport } from './transport.js';

export interface GrpcTransportOptions {
  readonly accept: CallAcceptor;
  /** Headers of every answer. */
  readonly initialMetadata: Readonly<Record<string, string>>;
  /** Bytes of one message from a client. */
  readonly receiveBytesMax: number;
  /** Calls at once on one connection. */
  readonly streamsPerConnectionMax: number;
  /** Bytes that the protocol layer may use for one connection. */
  readonly connectionMemoryBytes: number;
  /** Milliseconds. */
  readonly tlsHandshakeTimeoutMs: number;
  readonly log: Log;
}

const MIB = 1_048_576;

/** The one place that knows grpc-js. Its own handlers are not used: calls are taken over below them. */
export class GrpcTransport implements Transport {
  readonly #options: GrpcTransportOptions;
  readonly #server: GrpcServer;
  readonly #injector: ReturnType<GrpcServer['createConnectionInjector']>;
  readonly #sockets = new Set<Socket>();
  readonly #listeners: Server[] = [];
  #tls: TlsServer | undefined;

  constructor(options: GrpcTransportOptions) {
    this.#options = options;
    this.#server = new GrpcServer({
      'grpc.max_receive_message_length': options.receiveBytesMax,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': options.streamsPerConnectionMax,
      'grpc-node.max_session_memory': Math.max(1, Math.floor(options.connectionMemoryBytes / MIB)),
      'grpc.enable_channelz': 0,
      interceptors: [
        ({ path }, call) => new TakenOverCall(call, METHODS_BY_PATH.get(path), options),
      ],
    });
    this.#server.addService(SERVICE, {});
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  async listen(address: string, port: number, tls?: TlsFiles): Promise<number> {
    const listener = tls === undefined ? this.#tcpListener() : this.#tlsListener(tls);
    this.#listeners.push(listener);
    listener.listen({ host: address, port });
    await once(listener, 'listening');
    // Such as too many open files: this connection is lost, the next may work.
    listener.on('error', (error) => {
      this.#options.log.error('a connection was not accepted', { reason: error.message });
    });
    return (listener.address() as AddressInfo).port;
  }

  #tcpListener(): Server {
    return createTcpServer({ noDelay: true }, (socket) => this.#take(socket));
  }

  #tlsListener(files: TlsFiles): Server {
    const { log, tlsHandshakeTimeoutMs } = this.#options;
    const refusals = new RefusalLog(log);
    const listener = createTlsServer(
      {
        ...tlsContext(files),
        noDelay: true,
        ALPNProtocols: ['h2'],
        requestCert: files.requireClientCert === true,
        rejectUnauthorized: true,
        handshakeTimeout: tlsHandshakeTimeoutMs,
      },
      (socket) => this.#take(socket),
    );
    listener.on('tlsClientError', (error, socket) => {
      const reason = handshakeReason(error, socket.authorizationError);
      // The socket may be closed by now; the one below it remembers.
      const parent = Reflect.get(socket, '_parent') as Socket | undefined;
      refusals.refused(socket.remoteAddress ?? parent?.remoteAddress, reason);
    });
    // An address that was asked for once is known when the socket is closed, too.
    listener.on('connection', (socket: Socket) => socket.remoteAddress);
    this.#tls = listener;
    return listener;
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#injector.injectConnection(socket);
  }

  reloadTls(files: TlsFiles): void {
    assert(this.#tls !== undefined, 'certificates are reloaded where TLS is in use');
    this.#tls.setSecureContext(tlsContext(files));
  }

  async drain(graceMs: number): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#injector.drain(graceMs);
    const force = setTimeout(() => this.#destroySockets(), graceMs);
    await Promise.all(
      [...this.#sockets].map((socket) => (socket.closed ? undefined : once(socket, 'close'))),
    );
    clearTimeout(force);
  }

  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#destroySockets();
    this.#injector.destroy();
  }

  #destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function tlsContext({ cert, key, ca, minVersion = 'TLSv1.2' }: TlsFiles): TlsOptions {
  return { cert, key, minVersion, ...(ca === undefined ? {} : { ca }) };
}

const METHODS_BY_PATH: ReadonlyMap<string, MethodName> = new Map(
  METHOD_NAMES.map((name) => [methods[name].path, name]),
);

/** Messages pass as bytes. */
const same = (bytes: Buffer) => bytes;

const SERVICE: ServiceDefinition = Object.fromEntries(
  METHOD_NAMES.map((name) => {
    const { path, kind } = methods[name];
    const definition = {
      path,
      requestStream: kind === 'clientStream' || kind === 'bidi',
      responseStream: kind === 'serverStream' || kind === 'bidi',
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    return [name, definition];
  }),
);

/** Gives a call to the pipeline in place of the handler that grpc-js would run. */
class TakenOverCall extends ServerInterceptingCall {
  readonly #call: ServerInterceptingCallInterface;
  readonly #method: MethodName | undefined;
  readonly #options: GrpcTransportOptions;

  constructor(
    call: ServerInterceptingCallInterface,
    method: MethodName | undefined,
    options: GrpcTransportOptions,
  ) {
    super(call);
    this.#call = call;
    this.#method = method;
    this.#options = options;
  }

  /** @param _replaced the listener of the handler */
  override start(_replaced: Parameters<ServerInterceptingCall['start']>[0]): void {
    const call = this.#call;
    const method = this.#method;
    const { accept, initialMetadata } = this.#options;
    if (method === undefined) {
      call.sendStatus({ code: STATUS.UNIMPLEMENTED, details: 'unknown method', metadata: null });
      return;
    }
    let taken: GrpcCall | undefined;
    call.start({
      onReceiveMetadata(metadata) {
        taken = new GrpcCall(call, metadata, () => new Metadata());
        // Before anything else: an answer that grpc-js gives by itself has these headers too.
        call.sendMetadata(headersOf(initialMetadata));
        accept(method, taken);
      },
      onReceiveMessage: (message: Uint8Array) => taken?.onReceiveMessage(message),
      onReceiveHalfClose: () => taken?.onReceiveHalfClose(),
      onCancel: () => taken?.onCancel(),
    });
  }
}

function headersOf(values: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
}
