import { createHash } from 'node:crypto';
import type { NativeEvent } from '../../src/audit/formats/native.js';

/** A login with a member for each kind of value. */
export function sampleEvent(change: Partial<NativeEvent> = {}): NativeEvent {
  return {
    event_time: '2026-11-22T22:31:26.123Z',
    event_name: 'kv.set',
    username: 'alice',
    resource: 'db:defaultdb',
    event_source: 'stele:0197e0a2-6c0e-7f31-9c53-0d8f0c4f7f10',
    source_ip_address: '10.1.2.3',
    event_id: '0197e0a3-11aa-7c44-8f5e-6a1f2b3c4d5e',
    request_id: '0197e0a3-11a9-7b02-9a77-0c1d2e3f4a5b',
    read_only: false,
    event_data: {
      auth: 'token',
      conn: '0197e0a3-0000-7b02-9a77-0c1d2e3f4a5b',
      db: 'defaultdb',
      duration_us: 412,
      key_count: 1,
      keys: ['h:7c0f9f2d8a2d4f6ab8c1e2f3a4b5c6d7'],
      local: '127.0.0.1:3322',
      outcome: 'success',
      peer_port: 40123,
      roles: ['readWrite'],
      rpc: 'VerifiableSet',
      status: 'OK',
      tx_id: 1041,
      v: 1,
      value_bytes: 18,
    },
    seq: 20731,
    prev: createHash('sha256').update('the line before').digest('hex'),
    ...change,
  };
}
