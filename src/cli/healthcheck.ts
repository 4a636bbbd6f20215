import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import { loadConfig } from '../app/config/index.js';
import { AppError } from '../app/errors.js';
import { EXIT_FAILURE, EXIT_SUCCESS } from '../app/exit-codes.js';
import type { Command } from './command.js';

const TIMEOUT_MS = 4000;

/** For containers and scripts: takes the server's own options, so it asks the right port. */
export const healthcheckCommand: Command = {
  name: 'healthcheck',
  usage: '[flags of the server]',
  summary: 'Ask a running server on this machine whether it is ready',
  details: () =>
    'Asks /readyz on the monitoring port. Exits with 0 when the server takes all its work, else\n' +
    'with 1, and prints what keeps it.\n',
  run: async (args, { env, cwd, out, err }) => {
    const { config } = loadConfig(args, env, cwd);
    if (!config.metricsServer) {
      throw new AppError('healthcheckOff', 'the monitoring port is off (--metrics-server)');
    }
    const { status, body } = await ask(
      localAddress(config.address),
      config.metricsPort,
      config.certificate !== undefined,
    );
    if (status === 200) {
      out('ready\n');
      return EXIT_SUCCESS;
    }
    err(body === '' ? `not ready: status ${status}\n` : body);
    return EXIT_FAILURE;
  },
};

/** An address that listens everywhere is reached by loopback. */
function localAddress(address: string): string {
  if (address === '0.0.0.0' || address === '') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}

function ask(host: string, port: number, tls: boolean): Promise<{ status: number; body: string }> {
  const url = `${tls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${port}/readyz`;
  return new Promise((resolve, reject) => {
    // Only whether it answers is asked: the certificate names the server's public name, not this one.
    const options = { timeout: TIMEOUT_MS, ...(tls ? { rejectUnauthorized: false } : {}) };
    const request = (tls ? httpsRequest : httpRequest)(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('timeout', () => {
      const text = `no answer within ${TIMEOUT_MS} ms from ${url}`;
      request.destroy(new AppError('healthcheckTimeout', text));
    });
    request.on('error', reject);
    request.end();
  });
}
