import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { getHeapStatistics } from 'node:v8';
import { METRICS_CONTENT_TYPE, type Registry } from '../../base/metrics.js';
import type { TlsFiles } from '../../rpc/index.js';

export interface MonitorOptions {
  readonly registry: Registry;
  readonly version: string;
  readonly protocolVersion: string;
  /** What keeps the server from taking all its work; empty when it is ready. */
  notReady(): string[];
  readonly debugEndpoints: boolean;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';
/** One scrape needs one connection; the rest is somebody else. */
const CONNECTIONS_MAX = 256;
const REQUEST_TIMEOUT_MS = 10_000;

/** The HTTP listener for monitoring: metrics, health, version. It takes no body and changes nothing. */
export class MonitorServer {
  readonly #options: MonitorOptions;
  readonly #server: Server & { closeAllConnections(): void };
  readonly #setTls: ((tls: TlsFiles) => void) | undefined;

  constructor(options: MonitorOptions, tls?: TlsFiles) {
    this.#options = options;
    const settings = {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: 16_384,
    };
    const answer = (request: IncomingMessage, response: ServerResponse) =>
      this.#handle(request, response);
    if (tls === undefined) this.#server = createHttp(settings, answer);
    else {
      const server = createHttps({ ...settings, ...contextOf(tls) }, answer);
      this.#setTls = (files) => server.setSecureContext(contextOf(files));
      this.#server = server;
    }
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns the port */
  async listen(address: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, address, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  reloadTls(tls: TlsFiles): void {
    this.#setTls?.(tls);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.setHeader('Access-Control-Allow-Origin', '*');
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Methods', 'GET');
      response.setHeader('Access-Control-Allow-Headers', 'Accept, Content-Type, Authorization');
      response.writeHead(204).end();
      return;
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const path = (request.url ?? '/').split('?')[0] as string;
    const { status, type, body } = isRead
      ? this.#answer(path)
      : { status: 405, type: TEXT, body: 'only GET\n' };
    response.writeHead(status, {
      'Content-Type': type,
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #answer(path: string): Answer {
    const { registry, version, protocolVersion, debugEndpoints } = this.#options;
    switch (path) {
      case '/metrics':
        return { status: 200, type: METRICS_CONTENT_TYPE, body: registry.page() };
      case '/livez':
      case '/healthz':
      case '/initz':
        return { status: 200, type: TEXT, body: '' };
      case '/readyz': {
        const reasons = this.#options.notReady();
        if (reasons.length === 0) return { status: 200, type: TEXT, body: '' };
        return { status: 503, type: TEXT, body: `${reasons.join('\n')}\n` };
      }
      case '/version':
        return json({ component: 'stele', version, protocol: protocolVersion, static: false });
      case '/debug/memory':
        if (debugEndpoints) {
          return json({ heap: getHeapStatistics(), process: process.memoryUsage() });
        }
    }
    return { status: 404, type: TEXT, body: 'not found\n' };
  }
}

/** Scrapers show no certificates, whatever clients must. */
function contextOf({ cert, key, minVersion = 'TLSv1.2' }: TlsFiles) {
  return { cert, key, minVersion };
}

function json(value: unknown): Answer {
  return { status: 200, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}
