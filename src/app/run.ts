import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type AuditLog, selectionRules } from '../audit/index.js';
import { systemClock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { createRpcServer, type RpcLimits, type RpcServer, type TlsFiles } from '../rpc/index.js';
import { stageOf } from './audit.js';
import type { Config } from './config/index.js';
import { type Context, openContext } from './context.js';
import { EXIT_SUCCESS } from './exit-codes.js';
import type { RunServer, ServerHooks } from './hooks.js';
import { type Monitor, startMonitor } from './monitor/index.js';
import { hostAndPort } from './startup.js';
import { StorageWatch } from './storage-watch.js';
import { PROTOCOL_VERSION, steleVersion } from './version.js';

/** Milliseconds. */
const STOPPING_EVENT_MS_MAX = 1000;

/** Runs the server until it is told to stop, or until storage failed. */
export const runServer: RunServer = async (config, secrets, log, hooks) => {
  const storage = new StorageWatch(log);
  const context = await openContext(config, secrets, log, systemClock, {
    onStorageFailure: (database, error) => storage.failed(database, error),
    onAuditFailure: (error) => storage.failed('audit', asError(error)),
    onLockLost: () => storage.failed('all', new Error('the lock of the data directory was lost')),
  }).catch((error: unknown) => {
    storage.openingFailed(error);
    throw error;
  });
  try {
    const tls = tlsFiles(config);
    await using monitor = startMonitor(config, context, log);
    await monitor.listen(tls);
    const server = createServer(config, context, log, storage, monitor);
    await sayStarted(config, context);
    const port = await server.listen(config.address, config.port, tls);
    monitor.serving = true;
    log.info('listening', { address: hostAndPort(config.address, port), dir: config.dir });
    hooks.onHangup(() => reloadTls(config, [server, monitor], log));
    if (context.audit !== undefined) followSignals(context.audit, hooks, log);
    hooks.onReady();
    await firstOf(hooks.stop, storage.signal);
    monitor.serving = false;
    await sayStopping(context.audit, storage.signal.aborted);
    if (storage.signal.aborted) server.close();
    else await server.drain(drainMs(config));
  } finally {
    await closeContext(context, storage);
  }
  return EXIT_SUCCESS;
};

/** Does not return after a storage failure, be it at the very end. */
async function closeContext(context: Context, storage: StorageWatch): Promise<void> {
  try {
    if (!storage.signal.aborted) await context[Symbol.asyncDispose]();
  } finally {
    if (storage.signal.aborted) await storage.endProcess(context.databases);
  }
}

function createServer(
  config: Config,
  context: Context,
  log: Log,
  storage: StorageWatch,
  monitor: Monitor,
): RpcServer {
  const { databases, auth, signer, serverUuid } = context;
  return createRpcServer({
    databases,
    auth,
    signer,
    log,
    clock: systemClock,
    serverUuid,
    protocolVersion: PROTOCOL_VERSION,
    version: steleVersion(),
    health: () => !storage.signal.aborted,
    metrics: monitor.rpcMetrics,
    ...(context.audit === undefined
      ? {}
      : { audit: stageOf(context.audit, config, auth), auditLog: context.audit }),
    limits: rpcLimits(config),
  });
}

function rpcLimits(config: Config): RpcLimits {
  return {
    receiveBytesMax: config.maxRecvMsgBytes,
    chunkBytesMax: config.streamChunkBytes,
    unaryDeadlineMs: config.unaryDeadlineMs,
    streamProgressTimeoutMs: config.streamProgressTimeoutMs,
    inflightBytesMax: config.maxInflightBytes,
    unsentBytesMax: config.maxUnsentBytes,
    connectionsMax: config.maxConnections,
    connectionsPerAddressMax: config.maxConnectionsPerAddress,
    connectionRatePerAddressMax: config.maxConnectionRatePerAddress,
    exemptAddresses: config.exemptAddresses,
    tlsHandshakeTimeoutMs: config.tlsHandshakeTimeoutMs,
    firstRequestTimeoutMs: config.firstRequestTimeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
    streamsPerConnectionMax: config.maxStreamsPerConnection,
    streamsBeforeLoginMax: config.maxStreamsBeforeLogin,
    bytesBeforeLoginMax: config.maxBytesBeforeLogin,
    messageFramesMax: config.maxMessageFrames,
    controlBytesMax: config.maxControlBytes,
    streamResetBurst: config.streamResetBurst,
    streamResetRate: config.streamResetRate,
    receiveWindowBytes: config.receiveWindowBytes,
    connectionMemoryBytes: config.connectionMemoryBytes,
  };
}

/** On disk before the first client can connect. */
async function sayStarted(config: Config, { audit, signer }: Context): Promise<void> {
  await audit?.say('server.started', {
    auth: config.auth,
    listeners: [hostAndPort(config.address, config.port)],
    pid: process.pid,
    signing: signer !== undefined,
    tls: config.certificate === undefined ? 'off' : config.mtls ? 'mutual' : 'server',
    version: steleVersion(),
  });
}

/** A stream that cannot be written must not keep the process from ending. */
async function sayStopping(audit: AuditLog | undefined, failed: boolean): Promise<void> {
  if (audit === undefined) return;
  const uptimeMs = Math.round(process.uptime() * 1000);
  const data = { reason: failed ? 'error' : 'signal', uptime_ms: uptimeMs };
  const said = audit.say('server.stopping', data).catch(() => undefined);
  await Promise.race([said, delay(STOPPING_EVENT_MS_MAX, undefined, { ref: false })]);
}

/** SIGUSR1 begins a new audit file; SIGHUP reads preset and filter again. */
function followSignals(audit: AuditLog, hooks: ServerHooks, log: Log): void {
  hooks.onUser1?.(() => {
    audit.rotate('signal').catch((error: unknown) => {
      log.error('no new audit file could be begun', { reason: messageOf(error) });
    });
  });
  hooks.onHangup(() => {
    const change = async () => {
      if (hooks.readConfig === undefined) return;
      const { auditEvents, auditFilter } = hooks.readConfig();
      await audit.reconfigure(await selectionRules(auditEvents, auditFilter), { origin: 'signal' });
    };
    change().catch((error: unknown) => {
      log.error('the audit settings stay as they were', { reason: messageOf(error) });
    });
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Time for calls in flight, less what closing the databases takes. */
function drainMs(config: Config): number {
  return Math.max(0, config.shutdownTimeoutMs - 2000);
}

function tlsFiles(config: Config): TlsFiles | undefined {
  const { certificate, privateKey, clientCas, mtls, tlsMinVersion } = config;
  if (certificate === undefined || privateKey === undefined) return undefined;
  return {
    cert: readFileSync(certificate, 'utf8'),
    key: readFileSync(privateKey, 'utf8'),
    ...(clientCas === undefined ? {} : { ca: readFileSync(clientCas, 'utf8') }),
    requireClientCert: mtls,
    minVersion: tlsMinVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
  };
}

function reloadTls(
  config: Config,
  listeners: readonly { reloadTls(tls: TlsFiles): void }[],
  log: Log,
): void {
  const { certificate } = config;
  if (certificate === undefined) return;
  try {
    const files = tlsFiles(config);
    if (files !== undefined) for (const listener of listeners) listener.reloadTls(files);
    log.info('certificates read again', { certificate });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error('certificates could not be read again; the old ones stay', { reason });
  }
}

function firstOf(stop: ServerHooks['stop'], failure: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of [stop, failure]) {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    }
  });
}
