import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { SteleClient } from '../../src/client/index.js';
import { StateSigner } from '../../src/proofs/index.js';
import { pb } from '../../src/wire/index.js';
import { RpcFixture, UUID } from '../rpc/fixture.js';
import { TamperingProxy } from '../support/tampering-proxy.js';
import { type Ended, runClient } from './client-world.js';

/**
 * A server that tampers, in every way that it can: each verified command that is touched by it exits
 * with 3, says what does not hold, prints no data, and leaves the trusted state as it was.
 */

interface Scene {
  readonly proxy: TamperingProxy;
  readonly home: string;
  readonly run: (...args: string[]) => Promise<Ended>;
  readonly trusted: () => Promise<string>;
}

async function filled(t: TestContext, names: readonly string[], count: number): Promise<number> {
  const { port } = await RpcFixture.start(t);
  await using client = await SteleClient.connect({ port });
  await client.openSession('immudb', 'immudb');
  for (let i = 0; i < count; i++) {
    await client.set(names[i % names.length] as string, `value ${i}`);
  }
  return port;
}

/** A server with six transactions whose state the client has verified. */
async function scene(t: TestContext): Promise<Scene> {
  const proxy = await TamperingProxy.start(await filled(t, ['a', 'b'], 6), UUID);
  t.after(() => proxy[Symbol.asyncDispose]());
  const home = await mkdtemp(path.join(tmpdir(), 'stele-tamper-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const env = {
    HOME: home,
    STELE_IMMUDB_PORT: String(proxy.port),
    STELE_USERNAME: 'immudb',
    STELE_PASSWORD: 'immudb',
  };
  const run = (...args: string[]) => runClient({ args, env });
  const trusted = async () => {
    const directory = path.join(home, '.local/state/stele/trust', UUID);
    const [file] = (await readdir(directory)).filter((name) => name.endsWith('.json'));
    return readFile(path.join(directory, file as string), 'utf8');
  };
  const { exitCode, stderr } = await run('verify');
  assert.equal(exitCode, 0, stderr);
  return { proxy, home, run, trusted };
}

async function caught(
  { run, trusted }: Scene,
  args: readonly string[],
  what: RegExp,
): Promise<void> {
  const before = await trusted();
  const { exitCode, stdout, stderr } = await run(...args);
  assert.equal(exitCode, 3, `${args.join(' ')}: exit ${exitCode}: ${stdout}${stderr}`);
  assert.match(stderr, /^NOT VERIFIED: /);
  assert.match(stderr, what);
  assert.equal(stdout, '');
  assert.equal(await trusted(), before);
}

/** The other key asked for in place of the one that the user named. */
function forKey(key: string): (request: Buffer) => Buffer {
  return (request) => {
    const { proveSinceTx } = pb.decodeVerifiableGetRequest(request);
    return pb.encodeVerifiableGetRequest({ keyRequest: { key: Buffer.from(key) }, proveSinceTx });
  };
}

function forTx(tx: number): (request: Buffer) => Buffer {
  return (request) => {
    const { proveSinceTx } = pb.decodeVerifiableTxRequest(request);
    return pb.encodeVerifiableTxRequest({ tx, proveSinceTx });
  };
}

test('an honest server is believed', async (t) => {
  const { run } = await scene(t);
  for (const args of [['safeget', 'a'], ['safetx', '3'], ['history', 'a', '--complete'], ['c']]) {
    const { exitCode, stderr } = await run(...args);
    assert.equal(exitCode, 0, stderr);
  }
});

test('a value that was edited is not printed', async (t) => {
  const at = await scene(t);
  at.proxy.forge = {
    VerifiableGet: (answer) => {
      if (answer.entry !== undefined) answer.entry.value = Buffer.from('forged');
      return answer;
    },
  };
  await caught(at, ['safeget', 'a'], /not in its transaction/);
});

test('a value whose digest the server itself finds wrong is reported as such', async (t) => {
  const at = await scene(t);
  at.proxy.forge = { VerifiableGet: () => ({ code: 2, details: 'data is corrupted' }) };
  await caught(at, ['safeget', 'a'], /the server itself finds its data damaged/);
});

test('damage that the server finds in a walk over the history is reported as such', async (t) => {
  // `check-consistency` and `history` exited with 1: the refusal of a call without proof was a plain failure.
  const at = await scene(t);
  at.proxy.forge = {
    TxScan: () => ({ code: 2, details: 'data is corrupted' }),
    History: () => ({ code: 2, details: 'data is corrupted: value length or digest mismatch' }),
  };
  await caught(at, ['check-consistency'], /the server itself finds its data damaged/);
  await caught(at, ['history', 'a', '--complete'], /the server itself finds its data damaged/);
});

test('a server that does not prove the state that it names is not believed', async (t) => {
  const at = await scene(t);
  const port = at.proxy.target;
  await using client = await SteleClient.connect({ port });
  await client.openSession('immudb', 'immudb');
  await client.set('a', 'newer');
  for (const details of ['tx not found', 'data is corrupted']) {
    at.proxy.forge = { VerifiableTxById: () => ({ code: 2, details }) };
    await caught(at, ['verify'], /does not prove the state|finds its data damaged/);
  }
});

test('the value of another key is not taken', async (t) => {
  const at = await scene(t);
  at.proxy.rewrite = { VerifiableGet: forKey('b') };
  await caught(at, ['safeget', 'a'], /of another key/);
});

test('a transaction in the place of another one is not taken', async (t) => {
  const at = await scene(t);
  at.proxy.rewrite = { VerifiableTxById: forTx(4) };
  await caught(at, ['safetx', '3'], /another one than was asked for/);
});

test('two transactions that were swapped are found by the walk over the history', async (t) => {
  const at = await scene(t);
  at.proxy.forge = {
    TxScan: (answer) => {
      const [first, second, ...rest] = answer.txs;
      if (first !== undefined && second !== undefined) answer.txs = [second, first, ...rest];
      return answer;
    },
  };
  await caught(at, ['check-consistency'], /missing|not the verified one/);
});

test('a transaction that was removed is missed', async (t) => {
  const at = await scene(t);
  at.proxy.forge = {
    TxScan: (answer) => {
      answer.txs.splice(2, 1);
      return answer;
    },
    VerifiableTxById: () => ({ code: 2, details: 'tx not found' }),
  };
  await caught(at, ['safetx', '3'], /a transaction of the verified history is gone/);
  at.proxy.forge = { TxScan: at.proxy.forge.TxScan as NonNullable<typeof at.proxy.forge.TxScan> };
  await caught(at, ['check-consistency'], /missing/);
});

test('an entry that was edited or removed inside of a transaction is found', async (t) => {
  const at = await scene(t);
  at.proxy.forge = {
    TxScan: (answer) => {
      const entry = answer.txs[1]?.entries[0];
      if (entry !== undefined) entry.hValue = Buffer.alloc(32, 7);
      return answer;
    },
  };
  await caught(at, ['check-consistency'], /entries are not those/);
});

test('a server that was rolled back is recognised by each verified command', async (t) => {
  const at = await scene(t);
  at.proxy.target = await filled(t, ['a', 'b'], 3);
  for (const args of [
    ['safeget', 'a'],
    ['safeget', 'never written'],
    ['safetx', '2'],
    ['safeset', 'a', 'new'],
    ['safereference', 'r', 'a'],
    ['safezadd', 'z', '1', 'a'],
    ['verify'],
    ['check-consistency'],
  ]) {
    await caught(at, args, /rolled back/);
  }
});

test('a history that was rebuilt is recognised by each verified command', async (t) => {
  const at = await scene(t);
  at.proxy.target = await filled(t, ['b', 'a'], 9);
  for (const args of [
    ['safeget', 'a'],
    ['safetx', '2'],
    ['safeset', 'a', 'new'],
    ['verify'],
    ['check-consistency'],
  ]) {
    await caught(at, args, /does not hold|does not give|another one/);
  }
});

test('a database that was emptied or replaced by one of as many transactions is recognised', async (t) => {
  const at = await scene(t);
  at.proxy.target = await filled(t, ['a'], 0);
  await caught(at, ['verify'], /rolled back/);
  at.proxy.target = await filled(t, ['b', 'a'], 6);
  await caught(at, ['verify'], /another one than the trusted state is of/);
});

test('another server at the same address is not trusted anew', async (t) => {
  const at = await scene(t);
  at.proxy.uuid = 'dc1r4hhksdu9pknvc999';
  await caught(at, ['safeget', 'a'], /another server answers[\s\S]*steleclient forget/);
  assert.match((await at.run('forget')).stdout, /^127.0.0.1:\d+ is forgotten\n$/);
  assert.equal((await at.run('safeget', 'a')).exitCode, 0);
  at.proxy.uuid = UUID;
  await caught(at, ['safeget', 'a'], /another server answers/);
});

test('versions left out of the history of a key are missed', async (t) => {
  const at = await scene(t);
  at.proxy.forge = {
    History: (answer) => {
      answer.entries.splice(1, 1);
      return answer;
    },
  };
  const before = await at.trusted();
  const { exitCode, stderr } = await at.run('history', 'a', '--verify');
  assert.equal(exitCode, 3);
  assert.match(stderr, /left out of the history/);
  assert.equal(await at.trusted(), before);
  at.proxy.forge = {
    History: (answer) => {
      answer.entries.pop();
      return answer;
    },
  };
  await caught(at, ['history', 'a', '--complete'], /left out of its history/);
});

test('a proof that was changed or left out does not hold', async (t) => {
  const at = await scene(t);
  at.proxy.forge = {
    VerifiableGet: (answer) => {
      if (answer.verifiableTx !== undefined) delete answer.verifiableTx.dualProof;
      return answer;
    },
  };
  await caught(at, ['safeget', 'a'], /cannot be checked/);
  at.proxy.forge = {
    VerifiableGet: (answer) => {
      const [term] = answer.verifiableTx?.dualProof?.lastInclusionProof ?? [];
      if (term !== undefined) term[0] = (term[0] as number) ^ 1;
      return answer;
    },
  };
  await caught(at, ['safeget', 'a'], /does not hold/);
});

test('a state without the signature of the configured key is not taken', async (t) => {
  const at = await scene(t);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = path.join(at.home, 'key.pem');
  await writeFile(file, publicKey.export({ type: 'spki', format: 'pem' }));
  for (const args of [['verify'], ['safeget', 'a']]) {
    await caught(at, [...args, '--server-signing-pub-key', file], /not signed/);
  }
});

test('a state that is signed with another key is not taken', async (t) => {
  const keys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [right, wrong] = [keys(), keys()];
  const pem = wrong.privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  const { port } = await RpcFixture.start(t, { rpc: { signer: new StateSigner(pem) } });
  const at = await scene(t);
  at.proxy.target = port;
  const file = path.join(at.home, 'key.pem');
  await writeFile(file, right.publicKey.export({ type: 'spki', format: 'pem' }));
  const before = await at.trusted();
  for (const args of [['verify'], ['safeset', 'a', 'b']]) {
    const { exitCode, stderr } = await at.run(...args, '--server-signing-pub-key', file);
    assert.equal(exitCode, 3);
    assert.match(stderr, /NOT VERIFIED: (the signature of the state does not hold|.*rolled back)/);
  }
  const { stderr } = await at.run('verify', '--server-signing-pub-key', file);
  assert.match(stderr, /signature of the state does not hold/);
  assert.equal(await at.trusted(), before);
});

test('what a server does not tell is in JSON too', async (t) => {
  const at = await scene(t);
  at.proxy.rewrite = { VerifiableGet: forKey('b') };
  const { exitCode, stdout, stderr } = await at.run('safeget', 'a', '--json');
  assert.equal(exitCode, 3);
  assert.equal(stdout, '');
  const { error } = JSON.parse(stderr) as { error: Record<string, string> };
  assert.equal(error.code, 'notVerified');
  assert.equal(error.check, 'proof');
});
