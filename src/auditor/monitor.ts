import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { METRICS_CONTENT_TYPE } from '../base/metrics.js';
import type { Figure, Figures } from './figures.js';

const JSON_TYPE = 'application/json';
const TEXT = 'text/plain; charset=utf-8';
const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 10_000;

export interface MonitorOptions {
  readonly figures: Figures;
  readonly version: string;
  /** What /version calls the program. */
  readonly component: string;
  /** Why the servers cannot be audited now; undefined when they answer. */
  health(): Promise<string | undefined>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** The port for monitoring: the paths of the original's auditor; every unknown one has the metrics. */
export class AuditorMonitor {
  readonly #options: MonitorOptions;
  readonly #server: Server;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => void this.#handle(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns the port */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const path = (request.url ?? '/').split('?')[0] as string;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const { status, type, body } = isRead
      ? await this.#answer(path)
      : { status: 405, type: TEXT, body: 'only GET\n' };
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': Buffer.byteLength(body),
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #answer(path: string): Promise<Answer> {
    const { figures, version, component, health } = this.#options;
    switch (path) {
      case '/initz':
      case '/readyz':
      case '/livez': {
        const reason = await health();
        const status = reason === undefined ? 200 : 503;
        return { status, type: JSON_TYPE, body: JSON.stringify({ immudb: reason ?? 'OK' }) };
      }
      case '/version':
        return { status: 200, type: JSON_TYPE, body: JSON.stringify({ component, version }) };
      case '/lastaudit':
        return { status: 200, type: JSON_TYPE, body: JSON.stringify(lastAudit(figures.lastAudit)) };
      default:
        return { status: 200, type: METRICS_CONTENT_TYPE, body: figures.registry.page() };
    }
  }
}

/** As the auditor of a gateway tells it. */
function lastAudit(figure: Figure | undefined) {
  return {
    ServerID: figure?.serverId ?? '',
    ServerAddress: figure?.address ?? '',
    HasRunConsistencyCheck: figure?.result === 1 || figure?.result === 0,
    HasError: figure?.result === -2,
    ConsistencyCheckResult: figure?.result === 1,
    PreviousRootIndex: Math.max(0, figure?.previousTx ?? 0),
    PreviousRoot: figure?.previousHash ?? '',
    CurrentRootIndex: Math.max(0, figure?.currentTx ?? 0),
    CurrentRoot: figure?.currentHash ?? '',
    RunAt: figure === undefined ? '' : new Date(figure.runAt).toISOString(),
  };
}
