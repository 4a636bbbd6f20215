import type { MethodName, StatusCode } from '../wire/index.js';

/** Where a call comes from, as the socket says; headers that claim another address do not count. */
export interface Peer {
  /** Of the connection; a UUID. */
  readonly connection: string;
  /** Without port; undefined when the connection is gone already. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** Address and port of this side. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** Distinguished name of the client's certificate, where one was asked for and is good. */
  readonly tlsSubject: string | undefined;
}

/** Headers of a request. */
export interface RequestMetadata {
  /** The first value of a header, its name in lower case. */
  get(name: string): string | undefined;
}

/** How a call ended. */
export interface CallStatus {
  readonly code: StatusCode;
  readonly text: string;
  /** Value of `grpc-status-details-bin`. */
  readonly details?: Uint8Array;
}

/**
 * One call, as the pipeline sees it: no more than what any carrier of gRPC can offer. Nothing of the
 * request's body is read before `receive` asks for it.
 */
export interface TransportCall {
  readonly metadata: RequestMetadata;
  readonly peer: Peer;
  /** Who calls has shown a login: the limits of strangers do not hold for the connection any more. */
  loggedIn(): void;
  /**
   * The next message, undefined after the last. One at a time. Rejects with the reason of `interrupt`,
   * or with `RpcError` `cancelled` when the client is gone.
   */
  receive(): Promise<Uint8Array | undefined>;
  /**
   * Sends a message of a stream.
   * @returns undefined when more may be sent at once, else a promise that tells when; it rejects as
   * `receive` does
   */
  send(message: Uint8Array): Promise<void> | undefined;
  /** Sends the only message of a call and ends it with OK. */
  respond(message: Uint8Array): void;
  /** Ends the call. The first end counts; after it nothing is sent. */
  end(status: CallStatus): void;
  /** Makes what waits in `receive` and `send`, and all later calls of them, reject with the reason. */
  interrupt(reason: Error): void;
}

/** Takes a call whose headers have arrived. Never throws. */
export type CallAcceptor = (method: MethodName, call: TransportCall) => void;

/** Certificates in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Who signs the certificates of clients. */
  readonly ca?: string;
  /** Connections without a certificate of `ca` are refused. */
  readonly requireClientCert?: boolean;
  /** TLSv1.2 if not given. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

export interface Transport {
  /** @returns the port, of use when 0 was asked for */
  listen(address: string, port: number, tls?: TlsFiles): Promise<number>;
  /** Certificates for connections from now on; those that are open stay. */
  reloadTls(tls: TlsFiles): void;
  /** No new connections and calls; resolves when all connections are closed, by force after `graceMs`. */
  drain(graceMs: number): Promise<void>;
  /** Closes everything at once. */
  close(): void;
}
