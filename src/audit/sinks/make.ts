import { AuditError } from '../errors.js';
import { httpSink } from './http.js';
import type { Sink } from './sink.js';
import { streamSink } from './stdout.js';
import { syslogSink } from './syslog.js';

const SYSLOG_PORT = 601;
const SYSLOG_TLS_PORT = 6514;

/**
 * A sink by its address: `stdout:`, `syslog://host:port`, `syslog+tls://host:port`, `http://…`, `https://…`.
 * @param tls PEM of authorities that the other side's certificate must come from; default the system's
 * @throws AuditError invalidSetting
 */
export function makeSink(address: string, tls: { readonly ca?: string } = {}): Sink {
  if (address === 'stdout:') return streamSink(process.stdout);
  const url = parseUrl(address);
  const isPlain = url?.username === '' && url.password === '';
  if (url && isPlain && (url.protocol === 'http:' || url.protocol === 'https:'))
    return httpSink(url, tls);
  if (url && isPlain && url.hostname !== '') {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (url.protocol === 'syslog:') {
      return syslogSink({ host, port: Number(url.port || SYSLOG_PORT) });
    }
    if (url.protocol === 'syslog+tls:') {
      return syslogSink({ host, port: Number(url.port || SYSLOG_TLS_PORT), tls });
    }
  }
  // The address is not repeated: it may hold a password.
  throw new AuditError(
    'invalidSetting',
    'an audit sink is stdout:, syslog://HOST:PORT, syslog+tls://HOST:PORT, or an http or https URL ' +
      'without user and password',
  );
}

function parseUrl(address: string): URL | undefined {
  return URL.canParse(address) ? new URL(address) : undefined;
}
