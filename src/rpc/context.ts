import type { AuditLog, EventData } from '../audit/index.js';
import type { Auth, Caller, Credentials } from '../auth/index.js';
import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Database, Databases } from '../database/index.js';
import type { StateSigner } from '../proofs/index.js';
import type { Peer } from './transport.js';

/** Who the server is, as clients see it. */
export interface ServerIdentity {
  /** 20 characters; constant for the data directory. */
  readonly uuid: string;
  /** What `Health` and `ServerInfo` say. */
  readonly protocolVersion: string;
  /** Unix seconds. */
  readonly startedAt: number;
}

/** What handlers work with. */
export interface Services {
  readonly databases: Databases;
  readonly auth: Auth;
  /** Undefined when it is switched off. */
  readonly audit: AuditLog | undefined;
  readonly signer: StateSigner | undefined;
  readonly identity: ServerIdentity;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes of one chunk of a stream. */
  readonly chunkBytesMax: number;
  /** Whether reads are served. */
  health(): boolean;
}

/** A call before login, or one whose method looks at credentials itself. */
export interface CallContext {
  readonly services: Services;
  readonly credentials: Credentials;
  readonly peer: Peer;
  /** Keys of a stream, for its event; for a unary call the method table knows them. */
  noteKey(key: Uint8Array): void;
  /** What the event shall say that neither request nor answer tells. Never a secret. */
  noteData(data: EventData): void;
  /** Who logged in or out by this call, for its event. */
  noteCaller(caller: Caller): void;
}

/** A call of somebody who is logged in, or of anybody while authentication is off. */
export interface LoginContext extends CallContext {
  readonly caller: Caller;
}

/** A call on the selected database, with the permission that the method table asks for. */
export interface DatabaseContext extends LoginContext {
  readonly database: Database;
}
