import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { messageOf } from '../../../base/errors.js';
import { tlsOptions } from '../../kit/connected.js';
import { UsageError } from '../../kit/errors.js';
import type { Settings } from '../../kit/settings.js';
import { AdminError } from '../errors.js';

const METRICS_PORT = 9497;
const TIMEOUT_MS = 3000;
const PAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Where the metrics of the server are. @throws UsageError */
export function metricsUrl(settings: Settings): URL {
  const scheme = settings.has('tls') || settings.has('mtls') ? 'https' : 'http';
  const host = settings.raw('immudb-address');
  const text = settings.text('metrics') ?? (host.includes(':') ? `[${host}]` : host);
  const isUrl = /^https?:\/\//.test(text);
  const hasPort = /:\d+(\/|$)/.test(text.replace(/^\[.*\]/, ''));
  const whole = isUrl ? text : `${scheme}://${text}`;
  if (!URL.canParse(whole)) {
    throw new UsageError(`--metrics: expected HOST:PORT or a URL, got "${text}"`);
  }
  const url = new URL(whole);
  if (!isUrl && !hasPort) url.port = `${METRICS_PORT}`;
  if (url.pathname === '/') url.pathname = '/metrics';
  return url;
}

/** Fetches the page again and again. */
export class MetricsSource {
  readonly url: URL;
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.url = metricsUrl(settings);
  }

  /** The text of the page. @throws AdminError `noMetrics` */
  async page(signal: AbortSignal): Promise<string> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      return await this.#fetch(AbortSignal.any([signal, timeout]));
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const reason = timeout.aborted ? 'no answer in 3 seconds' : messageOf(error);
      throw new AdminError(
        'noMetrics',
        `no metrics at ${this.url}: ${reason}; the server must run with --metrics-server, and its ` +
          'address and port can be given with --metrics HOST:PORT',
      );
    }
  }

  async #fetch(signal: AbortSignal): Promise<string> {
    const response = await this.#request(signal);
    if (response.statusCode !== 200) {
      response.destroy();
      throw new Error(`the answer is ${response.statusCode} ${response.statusMessage}`);
    }
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const piece of response) {
      pieces.push(piece as Buffer);
      length += (piece as Buffer).length;
      if (length > PAGE_BYTES_MAX) throw new Error('the answer is too long for a metrics page');
    }
    const text = Buffer.concat(pieces).toString('utf8');
    if (/^immudb_/m.test(text)) return text;
    throw new Error('the answer is no metrics page of Stele or immudb');
  }

  async #request(signal: AbortSignal): Promise<IncomingMessage> {
    const { url } = this;
    const secure = url.protocol === 'https:';
    const files = await tlsOptions(this.#settings, secure);
    const tls = {
      ca: pem(files?.ca),
      cert: pem(files?.certificate),
      key: pem(files?.key),
      servername: files?.serverName,
    };
    return new Promise((resolve, reject) => {
      const options = { signal, agent: false } as const;
      const request = secure
        ? getHttps(url, { ...options, ...tls }, resolve)
        : getHttp(url, options, resolve);
      request.once('error', reject);
    });
  }
}

function pem(text: string | Uint8Array | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text as string);
}
