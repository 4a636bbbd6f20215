import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredDatabase } from '../../src/database/index.js';
import {
  bytes,
  collect,
  kv,
  openDatabase,
  reference,
  refusal,
  SESSION,
  scanRequest,
  setEach,
  texts,
  wholeValue,
} from '../support/database-fixture.js';

const NAMES = ['a', 'aa', 'ab', 'b', 'ba', 'bb', 'c'];

type Options = Parameters<typeof scanRequest>[0];

async function keysOf(database: StoredDatabase, options: Options): Promise<string> {
  const page = await database.scan(scanRequest(options));
  const streamed = await collect(database.scanStreamed(scanRequest(options)));
  const names = page.map(({ key }) => Buffer.from(key).toString());
  assert.deepEqual(
    streamed.map(({ key }) => Buffer.from(key).toString()),
    names,
  );
  return names.join(' ');
}

/** What a scan must give, by the words of its parameters. */
function expected(options: NonNullable<Options>): string {
  const { prefix = '', seekKey = '', endKey = '', desc = false } = options;
  const { inclusiveSeek = false, inclusiveEnd = false, offset = 0, limit = 0 } = options;
  const after = (name: string, key: string) => (desc ? name < key : name > key);
  let names = NAMES.filter((name) => name.startsWith(prefix));
  if (desc) names.reverse();
  if (seekKey !== '') {
    names = names.filter((name) => after(name, seekKey) || (inclusiveSeek && name === seekKey));
  }
  if (endKey !== '') {
    names = names.filter((name) => after(endKey, name) || (inclusiveEnd && name === endKey));
  }
  return names.slice(offset, limit === 0 ? undefined : offset + limit).join(' ');
}

test('every combination of prefix, seek, end, direction and limit gives what its words say', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(
    database,
    NAMES.map((name) => [name, 'v'] as const),
  );
  const some = ['', 'a', 'ab', 'az', 'b', 'c', 'd'];
  for (const prefix of ['', 'a', 'b', 'bb', 'x']) {
    for (const seekKey of some) {
      for (const endKey of some) {
        for (let flags = 0; flags < 8; flags++) {
          const options = {
            prefix,
            seekKey,
            endKey,
            desc: (flags & 1) > 0,
            inclusiveSeek: (flags & 2) > 0,
            inclusiveEnd: (flags & 4) > 0,
          };
          const page = await database.scan(scanRequest(options));
          const names = page.map(({ key }) => Buffer.from(key).toString()).join(' ');
          assert.equal(names, expected(options), JSON.stringify(options));
        }
      }
    }
  }
  for (const offset of [0, 1, 6, 7, 8]) {
    for (const limit of [0, 1, 2, 7, 9]) {
      for (const desc of [false, true]) {
        const options = { offset, limit, desc };
        assert.equal(await keysOf(database, options), expected(options), JSON.stringify(options));
      }
    }
  }
});

test('keys of any bytes are in bytewise order', async (t) => {
  const { database } = await openDatabase(t);
  const keys = ['ff', '00', 'fe', 'ffff', 'ff00', '0000', '7f', '80'].map((hex) =>
    Buffer.from(hex, 'hex'),
  );
  await database.set(
    keys.map((key) => ({ key, value: key })),
    SESSION,
  );
  const page = await database.scan(scanRequest());
  assert.deepEqual(
    page.map(({ key }) => key),
    keys.sort(Buffer.compare),
  );
  const high = { ...scanRequest(), prefix: Buffer.from('ff', 'hex') };
  assert.equal((await database.scan(high)).length, 3);
});

test('what is gone, and references that lead nowhere, use up neither limit nor offset', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const expiresAt = fixture.nowSeconds + 1;
  await setEach(database, [
    ['t', 'target'],
    ['dead', 'x'],
    ['e1', '1'],
    ['e5', '5'],
    ['e9', '9'],
  ]);
  for (const name of ['e2', 'e4']) await database.setReference(reference(name, 'dead'), SESSION);
  await database.setReference(reference('e3', 't'), SESSION);
  await database.setReference(reference('e6', 'dead', 2), SESSION);
  await database.set([kv('e7', '7', { expiresAt }), kv('e8', '8')], SESSION);
  await database.delete([bytes('dead'), bytes('e8')], 0, SESSION);
  fixture.clock.advance(1000);
  const page = (options: Options) =>
    database.scan(scanRequest({ prefix: 'e', ...options })).then(texts);
  const all = ['e1=1', 't=target', 'e5=5', 'dead=x', 'e9=9'];
  assert.deepEqual(await page({}), all);
  for (let offset = 0; offset <= 5; offset++) {
    for (let limit = 1; limit <= 5; limit++) {
      assert.deepEqual(await page({ offset, limit }), all.slice(offset, offset + limit));
      const back = all.toReversed().slice(offset, offset + limit);
      assert.deepEqual(await page({ offset, limit, desc: true }), back);
    }
  }
  assert.equal(await database.count(bytes('e')), 7);
  assert.equal(await database.count(bytes('')), 8);
  const resolved = await database.scan(scanRequest({ seekKey: 'e2', limit: 1 }));
  assert.deepEqual(resolved[0]?.referencedBy, { tx: 8, key: bytes('e3'), atTx: 0, revision: 1 });
});

test('a page of more keys than are read in one go is whole', async (t) => {
  const { database } = await openDatabase(t, { limits: { resultEntriesMax: 2000 } });
  const names = Array.from({ length: 1500 }, (_, i) => `k${String(i).padStart(5, '0')}`);
  for (let i = 0; i < names.length; i += 500) {
    await database.set(
      names.slice(i, i + 500).map((name) => kv(name, 'v')),
      SESSION,
    );
  }
  assert.equal(await keysOf(database, {}), names.join(' '));
  assert.equal(await keysOf(database, { desc: true }), names.toReversed().join(' '));
  assert.equal(await keysOf(database, { offset: 1200 }), names.slice(1200).join(' '));
  assert.equal(await database.count(bytes('k')), 1500);
  assert.equal(await database.count(bytes('k00')), 1000);
});

test('scans and counts see at once what bulk writes leave waiting for the index', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [
    ['b0', 'old'],
    ['c', 'v'],
  ]);
  await database.set(
    Array.from({ length: 600 }, (_, i) => kv(`b${i}`, 'new')),
    SESSION,
  );
  assert.ok(database.store.index.backlogKeys > 0);
  assert.equal(await database.count(bytes('')), 601);
  const page = await database.scan(scanRequest({ limit: 2 }));
  assert.deepEqual(texts(page), ['b0=new', 'b1=new']);
  assert.deepEqual(
    page.map(({ revision }) => revision),
    [2, 1],
  );
  assert.deepEqual(texts(await database.scan(scanRequest({ desc: true, limit: 2 }))), [
    'c=v',
    'b99=new',
  ]);
  await fixture.check();
});

test('a scan goes on by the key where a stream of it was, whatever is written meanwhile', async (t) => {
  const { database } = await openDatabase(t);
  const names = Array.from({ length: 600 }, (_, i) => `k${String(i).padStart(3, '0')}`);
  await database.set(
    names.map((name) => kv(name, name)),
    SESSION,
  );
  const seen: string[] = [];
  for await (const entry of database.scanStreamed(scanRequest())) {
    seen.push(Buffer.from(entry.key).toString());
    assert.equal((await wholeValue(entry)).toString(), seen.at(-1));
    if (seen.length === 10) await database.delete([bytes('k300')], 0, SESSION);
    if (seen.length === 20)
      await setEach(database, [
        ['k000x', 'k000x'],
        ['k599x', 'k599x'],
      ]);
  }
  assert.deepEqual(seen, [...names.filter((name) => name !== 'k300'), 'k599x']);
});

test('what a scan does not take is refused', async (t) => {
  const { database } = await openDatabase(t, { limits: { resultEntriesMax: 10 } });
  const long = 'k'.repeat(1024);
  for (const options of [{ seekKey: long }, { endKey: long }, { prefix: long }]) {
    await assert.rejects(
      database.scan(scanRequest(options)),
      refusal('seekKeyTooLong', 'illegal arguments'),
    );
    await assert.rejects(
      collect(database.scanStreamed(scanRequest(options))),
      refusal('seekKeyTooLong'),
    );
  }
  await assert.rejects(
    database.scan(scanRequest({ limit: 11 })),
    refusal(
      'resultLimitExceeded',
      'result size limit exceeded: the specified limit (11) is larger than the maximum allowed one (10)',
    ),
  );
});

test('keys of the greatest length are scanned from each of them', async (t) => {
  const { fixture, database } = await openDatabase(t, { defaults: { maxKeyLen: 1978 } });
  const long = (end: string) => 'k'.repeat(1976) + end;
  await setEach(database, [
    [long('a'), '1'],
    [long('b'), '2'],
    [long('\x7f'), '3'],
    ['l', '4'],
  ]);
  const ends = async (options: Options) =>
    (await keysOf(database, options)).split(' ').map((key) => key.slice(-1));
  assert.deepEqual(await ends({ seekKey: long('a') }), ['b', '\x7f', 'l']);
  assert.deepEqual(await ends({ seekKey: long('a'), inclusiveSeek: true, limit: 1 }), ['a']);
  assert.deepEqual(await ends({ seekKey: long('b'), inclusiveSeek: true, desc: true }), ['b', 'a']);
  assert.deepEqual(await ends({ endKey: long('b'), inclusiveEnd: true }), ['a', 'b']);
  assert.deepEqual(fixture.corruptions, []);
});
