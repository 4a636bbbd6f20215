import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../src/base/log.js';
import { handshakeReason, RefusalLog } from '../../src/rpc/refusal-log.js';

test('of many refused connections ten are logged in a minute, and then how many more there were', () => {
  const lines: string[] = [];
  let now = 0;
  const warn = (message: string, fields?: object) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const refusals = new RefusalLog({ ...silentLog, warn }, () => now);
  for (let i = 0; i < 25; i++) refusals.refused('::1', 'plain text');
  assert.equal(lines.length, 10);
  now = 60_000;
  refusals.refused('::1', 'plain text');
  assert.deepEqual(lines.slice(10), [
    'further TLS connections were refused {"count":15}',
    'TLS connection refused {"address":"::1","reason":"plain text"}',
  ]);
});

test('the reason of a certificate that was not accepted is preferred to that of the connection', () => {
  const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  assert.equal(handshakeReason(reset), 'socket hang up');
  assert.match(handshakeReason(reset, 'CERT_HAS_EXPIRED'), /has expired \(CERT_HAS_EXPIRED\)$/);
});
