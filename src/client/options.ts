import type { TlsOptions } from './tls.js';
import type { TrustStore } from './trust-store.js';

export interface ClientOptions {
  /** Name or address; default 127.0.0.1. */
  readonly host?: string;
  /** Default 3322. */
  readonly port?: number;
  /** Present: the connection is encrypted. */
  readonly tls?: TlsOptions | undefined;
  /** Where trusted states are kept; default in memory, which forgets them with the client. */
  readonly trust?: TrustStore | undefined;
  /** PEM `PUBLIC KEY` of the server: every state must then be signed with it. */
  readonly serverKey?: string | undefined;
  /** Milliseconds for a call that does not stream; default 30,000. */
  readonly deadlineMs?: number | undefined;
  /** How often a call that changes nothing is tried again when nobody answers; default 3. */
  readonly retries?: number | undefined;
  /** Bytes of the largest message that is accepted; default 128 MiB. */
  readonly messageBytesMax?: number | undefined;
  /** Milliseconds between two signs of life of a session; default 60,000. */
  readonly keepAliveMs?: number | undefined;
  /** Told when a sign of life failed; the next call fails by itself. */
  readonly onKeepAliveError?: ((error: unknown) => void) | undefined;
  /** Also sent in the header `user-agent`. */
  readonly userAgent?: string | undefined;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; of a stream as a whole, which has none by default. */
  readonly deadlineMs?: number | undefined;
}

export const DEADLINE_MS = 30_000;
export const RETRIES = 3;
export const MESSAGE_BYTES_MAX = 128 * 1024 * 1024;
export const KEEP_ALIVE_MS = 60_000;
export const PORT = 3322;
