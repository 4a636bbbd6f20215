import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Sink, SinkLine } from './sink.js';

const TIMEOUT_MS = 10_000;

/**
 * Batches as the body of a POST, one event a line. Any status of 200 to 299 means that all were taken. The
 * headers name the first and the last number, so that a receiver knows what came twice.
 */
export function httpSink(url: URL, tls: { readonly ca?: string } = {}): Sink {
  const send: typeof httpsRequest = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return {
    send: (lines) => post(send, url, tls, lines),
    close: async () => {},
  };
}

function post(
  send: typeof httpsRequest,
  url: URL,
  tls: { readonly ca?: string },
  lines: readonly SinkLine[],
): Promise<void> {
  const body = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
  return new Promise((resolve, reject) => {
    const request = send(url, {
      ...tls,
      method: 'POST',
      timeout: TIMEOUT_MS,
      headers: {
        'content-type': 'application/x-ndjson',
        'content-length': body.length,
        'stele-first-seq': lines[0]?.seq ?? 0,
        'stele-last-seq': lines.at(-1)?.seq ?? 0,
      },
    });
    request.on('response', (response: IncomingMessage) => {
      const { statusCode = 0 } = response;
      response.resume();
      response.on('error', reject);
      response.on('end', () => {
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new Error(`${url.host} answered with status ${statusCode}`));
      });
    });
    request.on('timeout', () => {
      request.destroy(new Error(`${url.host} did not answer in ${TIMEOUT_MS} ms`));
    });
    request.on('error', reject);
    request.end(body);
  });
}
