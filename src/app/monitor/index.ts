import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { Registry } from '../../base/metrics.js';
import type { Metrics, TlsFiles } from '../../rpc/index.js';
import type { Config } from '../config/index.js';
import type { Context } from '../context.js';
import { hostAndPort } from '../startup.js';
import { PROTOCOL_VERSION, steleVersion } from '../version.js';
import { registerAuditMetrics } from './audit-metrics.js';
import { MonitorServer } from './http.js';
import { RpcMetrics } from './rpc-metrics.js';
import { registerServerMetrics } from './server-metrics.js';

/** Metrics, health and version over HTTP. */
export interface Monitor extends AsyncDisposable {
  readonly rpcMetrics: Metrics;
  /** Whether clients are served; readiness depends on it. */
  serving: boolean;
  /** Does nothing when it is switched off; a port that cannot be had is logged, no more. */
  listen(tls: TlsFiles | undefined): Promise<void>;
  reloadTls(tls: TlsFiles): void;
}

export function startMonitor(config: Config, context: Context, log: Log): Monitor {
  const registry = new Registry();
  const rpcMetrics = new RpcMetrics(registry, !config.noHistograms);
  registerServerMetrics(registry, {
    databases: context.databases,
    auth: context.auth,
    startedAt: Date.now(),
    corruptionAlarms: () => context.corruptionAlarms(),
  });
  if (context.audit !== undefined) registerAuditMetrics(registry, context.audit);
  let server: MonitorServer | undefined;
  const monitor: Monitor = {
    rpcMetrics,
    serving: false,
    async listen(tls) {
      if (!config.metricsServer) return;
      server = new MonitorServer(
        {
          registry,
          version: steleVersion(),
          protocolVersion: PROTOCOL_VERSION,
          notReady: () => (monitor.serving ? notReady(context) : ['not serving']),
          debugEndpoints: config.debugEndpoints,
        },
        tls,
      );
      const address = hostAndPort(config.address, config.metricsPort);
      try {
        const port = await server.listen(config.address, config.metricsPort);
        log.info('monitoring', { address: hostAndPort(config.address, port) });
      } catch (error) {
        // Clients must not wait for a port that only monitoring needs.
        log.error('no monitoring: the port cannot be had', { address, reason: messageOf(error) });
      }
    },
    reloadTls: (tls) => server?.reloadTls(tls),
    async [Symbol.asyncDispose]() {
      await server?.close();
    },
  };
  return monitor;
}

/** Why the server does not take all its work, a line for each database concerned. */
function notReady({ databases, audit }: Context): string[] {
  const reasons: string[] = [];
  if (audit?.stats().suspended) reasons.push('audit: the stream cannot be written');
  for (const database of databases.opened()) {
    const { ok, diskFull } = database.health();
    if (!ok) reasons.push(`${database.name}: storage failed`);
    else if (diskFull) reasons.push(`${database.name}: disk nearly full, no writes`);
  }
  for (const name of databases.damaged.keys()) reasons.push(`${name}: cannot be opened`);
  return reasons;
}
