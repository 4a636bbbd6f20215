import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handshakeReason } from '../../src/rpc/grpc/handshake-reason.js';

test('the reason of a certificate that was not accepted is preferred to that of the connection', () => {
  const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  assert.equal(handshakeReason(reset), 'socket hang up');
  assert.match(handshakeReason(reset, 'CERT_HAS_EXPIRED'), /has expired \(CERT_HAS_EXPIRED\)$/);
});
