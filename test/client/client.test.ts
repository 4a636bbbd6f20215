import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { isNotFound, SteleClient } from '../../src/client/index.js';
import { RpcFixture } from '../rpc/fixture.js';

async function loggedIn(t: TestContext): Promise<SteleClient> {
  const { port } = await RpcFixture.start(t);
  const client = await SteleClient.connect({ port });
  t.after(() => client.close());
  await client.openSession('immudb', 'immudb');
  return client;
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('what is set with proof is got with proof, and the trusted state follows', async (t) => {
  const client = await loggedIn(t);
  for (let i = 1; i <= 5; i++) {
    const header = await client.verifiedSet(`k${i}`, `v${i}`);
    assert.equal(header.id, i);
    assert.equal((await client.trustedState())?.txId, i);
  }
  const entry = await client.verifiedGet('k2');
  assert.equal(text(entry.value), 'v2');
  assert.equal(entry.txId, 2);
  assert.equal((await client.trustedState())?.txId, 5);
  await assert.rejects(client.verifiedGet('nothing'), isNotFound);
});

test('references and sorted sets are written and read with proof', async (t) => {
  const client = await loggedIn(t);
  await client.verifiedSet('k', 'old');
  await client.verifiedSet('k', 'new');
  await client.verifiedSetReference('unbound', 'k');
  await client.verifiedSetReference('bound', 'k', { atTx: 1 });
  await client.verifiedZAdd('set', -1.5, 'k');
  await client.verifiedZAdd('set', 2, 'k', { atTx: 1 });
  const unbound = await client.verifiedGet('unbound');
  assert.equal(text(unbound.value), 'new');
  assert.equal(text(unbound.referencedBy?.key ?? Buffer.alloc(0)), 'unbound');
  assert.equal(text((await client.verifiedGet('bound')).value), 'old');
  const elements = await collect(client.zScan('set', { pageSize: 1 }));
  assert.deepEqual(
    elements.map(({ score, atTx, entry }) => [score, atTx, text(entry?.value ?? Buffer.alloc(0))]),
    [
      [-1.5, 0, 'new'],
      [2, 1, 'old'],
    ],
  );
});

test('scans and histories go over pages', async (t) => {
  const client = await loggedIn(t);
  const names = Array.from({ length: 25 }, (_, i) => `key${String(i).padStart(2, '0')}`);
  await client.setAll(names.map((key) => ({ key, value: key })));
  await client.setReference('key99', 'key00');
  const keys = async (options: object) =>
    (await collect(client.scan({ prefix: 'key', pageSize: 4, ...options }))).map((entry) =>
      text(entry.referencedBy?.key ?? entry.key),
    );
  assert.deepEqual(await keys({}), [...names, 'key99']);
  assert.deepEqual(await keys({ desc: true, limit: 3 }), ['key99', 'key24', 'key23']);
  assert.deepEqual(await keys({ after: 'key23' }), ['key24', 'key99']);
  for (let i = 0; i < 8; i++) await client.set('h', String(i));
  const versions = await collect(client.history('h', { pageSize: 4 }));
  assert.deepEqual(
    versions.map(({ value, revision }) => [text(value), revision]),
    [...Array.from({ length: 8 }, (_, i) => [String(i), i + 1])],
  );
  assert.equal(await client.count('key'), 26);
});

test('a history is verified version by version and proved to be complete', async (t) => {
  const client = await loggedIn(t);
  await client.set('k', '1');
  await client.set('other', 'x');
  await client.set('k', '2');
  await client.delete(['k']);
  await client.setReference('k', 'other');
  for (const complete of [false, true]) {
    const versions = await collect(client.verifiedHistory('k', { complete }));
    assert.deepEqual(
      versions.map(({ txId }) => txId),
      [1, 3, 4, 5],
    );
  }
  const walked = await collect(client.verifiedTransactions({ pageSize: 2 }));
  assert.deepEqual(
    walked.map(({ header }) => header.id),
    [5, 4, 3, 2, 1],
  );
});

test('values of any size go both ways in pieces', async (t) => {
  const client = await loggedIn(t);
  const piece = randomBytes(50_000);
  const digest = createHash('sha256');
  function* pieces() {
    for (let i = 0; i < 100; i++) {
      digest.update(piece);
      yield piece;
    }
  }
  await client.streamSet([
    { key: 'big', value: { length: 5_000_000, pieces: pieces() } },
    { key: 'empty', value: '' },
  ]);
  const { length, pieces: received } = await client.streamGet('big');
  assert.equal(length, 5_000_000);
  const found = createHash('sha256');
  for await (const part of received) found.update(part);
  assert.equal(found.digest('hex'), digest.digest('hex'));
  const { pieces: half } = await client.streamGet('big');
  for await (const part of half) {
    assert.ok(part.length > 0);
    break;
  }
  await client.verifiedStreamSet([{ key: 'proved', value: piece }]);
  const entry = await client.verifiedStreamGet('proved');
  assert.deepEqual(Buffer.from(entry.value), piece);
  const keys = (await collect(client.streamScan())).map(({ key }) => text(key));
  assert.deepEqual(keys, ['big', 'empty', 'proved']);
});

test('verified calls at the same time end with the newest state', async (t) => {
  const client = await loggedIn(t);
  await Promise.all(Array.from({ length: 20 }, (_, i) => client.verifiedSet(`k${i}`, `v${i}`)));
  assert.equal((await client.trustedState())?.txId, 20);
  await Promise.all(Array.from({ length: 20 }, (_, i) => client.verifiedGet(`k${i}`)));
});

test('a stream is refused as a call is, and a source that fails ends the call with its error', async (t) => {
  const client = await loggedIn(t);
  await assert.rejects(client.streamGet('nothing'), isNotFound);
  async function* failing() {
    yield { key: 'a', value: 'b' };
    throw new Error('the source failed');
  }
  await assert.rejects(client.streamSet(failing()), /the source failed/);
  assert.equal((await client.verifiedState()).txId, 0);
});
