import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { parseCef, toCef } from '../../../src/audit/formats/cef.js';
import {
  AUDIT_FORMATS,
  formatEvent,
  parseNativeEvent,
  placeOfLine,
} from '../../../src/audit/formats/convert.js';
import { toEcsLine } from '../../../src/audit/formats/ecs.js';
import { MAPPED_EVENTS, mappingOf } from '../../../src/audit/formats/mappings.js';
import { toMongo } from '../../../src/audit/formats/mongo.js';
import { toOcsf } from '../../../src/audit/formats/ocsf.js';
import { catalogueRows } from '../../../src/rpc/index.js';
import { sampleEvent } from '../event-samples.js';

const OPTIONS = { productVersion: '0.1.0' };

test('the place in the chain can be read back from every format', () => {
  for (const event_name of MAPPED_EVENTS) {
    const event = sampleEvent({ event_name });
    for (const format of AUDIT_FORMATS) {
      const line = formatEvent(event, format, OPTIONS);
      assert.ok(!line.includes('\n'));
      const place = placeOfLine(line, format);
      assert.equal(place?.seq, event.seq, `${format} ${event_name}`);
      assert.equal(place?.prev, event.prev);
      assert.ok(place.name.length > 0);
    }
  }
});

test('a line of another format, or of none, has no place', () => {
  const line = formatEvent(sampleEvent(), 'native', OPTIONS);
  for (const format of ['ocsf', 'ecs', 'cef'] as const) {
    assert.equal(placeOfLine(line, format), undefined, format);
  }
  for (const wrong of ['', '{', 'null', '[]', '{"seq":0}', line.replace('20731', '2.5')]) {
    assert.equal(placeOfLine(wrong, 'native'), undefined, wrong);
    assert.equal(parseNativeEvent(wrong), undefined);
  }
});

test('mongo has the fields of an audit file of MongoDB', () => {
  const { seq, prev } = sampleEvent();
  assert.deepEqual(toMongo(sampleEvent()), {
    atype: 'authCheck',
    ts: { $date: '2026-11-22T22:31:26.123Z' },
    uuid: { $binary: 'AZfgowAAewKadwwdLj9KWw==', $type: '04' },
    local: { ip: '127.0.0.1', port: 3322 },
    remote: { ip: '10.1.2.3', port: 40123 },
    users: [{ user: 'alice', db: 'defaultdb' }],
    roles: [{ role: 'readWrite', db: 'defaultdb' }],
    param: {
      command: 'VerifiableSet',
      ns: 'defaultdb.h:7c0f9f2d8a2d4f6ab8c1e2f3a4b5c6d7',
      args: {
        key_count: 1,
        keys: ['h:7c0f9f2d8a2d4f6ab8c1e2f3a4b5c6d7'],
        tx_id: 1041,
        value_bytes: 18,
      },
    },
    result: 0,
    seq,
    prev,
  });
});

test('mongo tells results apart as MongoDB does', () => {
  const failed = { outcome: 'failure', status: 'NOT_FOUND' };
  const resultOf = (event_name: string, event_data: Record<string, string>): number =>
    toMongo(sampleEvent({ event_name, event_data })).result;
  assert.equal(
    resultOf('auth.login.failed', { outcome: 'failure', status: 'UNAUTHENTICATED' }),
    18,
  );
  assert.equal(resultOf('authz.denied', {}), 13);
  assert.equal(resultOf('kv.get', failed), 10_005);
  assert.equal(resultOf('kv.get', { outcome: 'failure', status: 'odd' }), 10_002);
});

test('ocsf has the required fields and numbers that belong together', () => {
  for (const event_name of MAPPED_EVENTS) {
    const event = toOcsf(sampleEvent({ event_name }), OPTIONS);
    const { category_uid, class_uid, type_uid, activity_id } = event as Record<string, number>;
    assert.equal(type_uid, (class_uid as number) * 100 + (activity_id as number));
    assert.equal(category_uid, Math.floor((class_uid as number) / 1000));
    assert.equal(type_uid, mappingOf(event_name).ocsf);
    assert.equal(event.time, Date.parse('2026-11-22T22:31:26.123Z'));
  }
  const tamper = toOcsf(sampleEvent({ event_name: 'tamper.detected' }), OPTIONS);
  assert.equal(tamper.severity_id, 5);
  assert.equal(tamper.status_id, 2);
});

test('the hash in an ecs line is that of the line without it', () => {
  const line = toEcsLine(sampleEvent());
  const hash = /,"hash":"([0-9a-f]{64})"/.exec(line);
  assert.ok(hash);
  const without = line.replace(hash[0], '');
  assert.equal(createHash('sha256').update(without).digest('hex'), hash[1]);
  const denied = JSON.parse(toEcsLine(sampleEvent({ event_name: 'authz.denied' })));
  assert.deepEqual(denied.event.type, ['denied']);
  assert.equal(denied.event.outcome, 'failure');
});

test('cef escapes what would end a field, and is read back', () => {
  const username = 'a=b\\c|d\ne cs1=x';
  const event = sampleEvent({
    event_name: 'auth.login.failed',
    username,
    source_ip_address: 'unix',
    event_data: { reason: 'bad_credentials' },
  });
  const line = toCef(event, { productVersion: '1|2\\3' });
  assert.match(
    line,
    /^CEF:0\|Stele\|Stele\|1\\\|2\\\\3\|auth\.login\.failed\|Login failed\|6\|rt=/,
  );
  const fields = parseCef(line);
  assert.equal(fields?.get('suser'), username);
  assert.equal(fields?.get('cs1'), event.prev);
  assert.equal(fields?.get('msg'), 'bad_credentials');
  assert.equal(fields?.has('src'), false);
  assert.equal(placeOfLine(line, 'cef')?.name, 'auth.login.failed');
});

test('immudb has nanoseconds that no number of JavaScript can hold', () => {
  const line = formatEvent(sampleEvent(), 'immudb', OPTIONS);
  assert.match(line, /^\{"ts":1795386686123000000,"user":"alice"/);
  assert.equal(JSON.parse(line).type, 'WRITE');
});

test('every event of the catalogue has its place in the other schemas', () => {
  const names = catalogueRows().map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => !MAPPED_EVENTS.includes(name)),
    [],
  );
});
