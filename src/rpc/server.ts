import type { AuditLog } from '../audit/index.js';
import type { Auth } from '../auth/index.js';
import { type Clock, systemClock, unixSeconds } from '../base/clock.js';
import { type Log, silentLog } from '../base/log.js';
import type { Databases } from '../database/index.js';
import type { StateSigner } from '../proofs/index.js';
import { type AuditStage, noAudit } from './audit.js';
import { DEFAULT_FRONT_LIMITS, Front, type FrontLimits } from './front/index.js';
import { GrpcTransport } from './grpc/transport.js';
import { type Metrics, noMetrics } from './metrics.js';
import { Pipeline } from './pipeline.js';
import type { TlsFiles, Transport } from './transport.js';

/** Limits of the layer; each is an option of the server. */
export interface RpcLimits extends FrontLimits {
  /** Bytes of one chunk of a stream, its frame header included. */
  readonly chunkBytesMax: number;
  readonly unaryDeadlineMs: number;
}

export const DEFAULT_RPC_LIMITS: RpcLimits = {
  ...DEFAULT_FRONT_LIMITS,
  chunkBytesMax: 65_536,
  unaryDeadlineMs: 30_000,
};

export interface RpcServerDependencies {
  readonly databases: Databases;
  readonly auth: Auth;
  /** Without one states carry no signature. */
  readonly signer?: StateSigner | undefined;
  /** 20 characters; constant for the data directory. */
  readonly serverUuid: string;
  /** What `Health` and `ServerInfo` say. */
  readonly protocolVersion: string;
  /** Our own version, in the header `stele-version` of every answer. */
  readonly version: string;
  /** Defaults: `DEFAULT_RPC_LIMITS`. */
  readonly limits?: Partial<RpcLimits>;
  /** What `Health` says; by default whether the system database works. */
  readonly health?: () => boolean;
  readonly metrics?: Metrics;
  readonly audit?: AuditStage;
  /** The stream behind it, for what sysadmins ask of it. */
  readonly auditLog?: AuditLog;
  readonly clock?: Clock;
  readonly log?: Log;
}

export interface RpcServer {
  /** @returns the port, of use when 0 was asked for */
  listen(address: string, port: number, tls?: TlsFiles): Promise<number>;
  /** Certificates for connections from now on. */
  reloadTls(tls: TlsFiles): void;
  /** Calls under way. */
  readonly inFlight: number;
  /**
   * Refuses new connections and calls, lets those under way end, and cuts off after `graceMs` what has
   * not. When it resolves no handler runs any more.
   */
  drain(graceMs: number): Promise<void>;
  /** Closes everything at once; handlers under way end by themselves. */
  close(): void;
}

export function createRpcServer(dependencies: RpcServerDependencies): RpcServer {
  const { databases, auth, signer, serverUuid, protocolVersion, version } = dependencies;
  const limits = { ...DEFAULT_RPC_LIMITS, ...dependencies.limits };
  const clock = dependencies.clock ?? systemClock;
  const log = dependencies.log ?? silentLog;
  const metrics = dependencies.metrics ?? noMetrics;
  const pipeline = new Pipeline({
    services: {
      databases,
      auth,
      audit: dependencies.auditLog,
      signer,
      identity: { uuid: serverUuid, protocolVersion, startedAt: unixSeconds(clock) },
      clock,
      log,
      chunkBytesMax: limits.chunkBytesMax,
      health: dependencies.health ?? (() => databases.system.health().ok),
    },
    metrics,
    audit: dependencies.audit ?? noAudit,
    limits,
  });
  const transport: Transport = new GrpcTransport({
    front: new Front({ limits, metrics, clock, log }),
    accept: (method, call) => pipeline.accept(method, call),
    initialMetadata: { 'immudb-uuid': serverUuid, 'stele-version': version },
    log,
  });
  return {
    listen: (address, port, tls) => transport.listen(address, port, tls),
    reloadTls: (tls) => transport.reloadTls(tls),
    get inFlight() {
      return pipeline.inFlight;
    },
    async drain(graceMs) {
      pipeline.stop();
      const force = setTimeout(() => pipeline.interruptAll(), graceMs);
      await transport.drain(graceMs);
      await pipeline.idle();
      clearTimeout(force);
      pipeline.dispose();
    },
    close() {
      pipeline.stop();
      transport.close();
      pipeline.dispose();
    },
  };
}
