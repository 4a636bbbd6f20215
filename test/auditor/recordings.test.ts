import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { AuditorOptions } from '../../src/auditor/index.js';
import { StateSigner } from '../../src/proofs/index.js';
import type { FixtureOptions } from '../rpc/fixture.js';
import { readVector } from '../support/project.js';
import { freePort } from '../support/server-process.js';
import { Receiver, Scene, write } from './scene.js';

/**
 * What the auditors of 0.9.2 and 1.11.1 logged, posted and measured in each phase of the recordings, against
 * what ours does in the same phase: the lines of the first check, the shape of the notification, the series.
 * What is different on purpose is named at its phase.
 */

interface Recorded {
  readonly phase: string;
  readonly stdout?: string;
  readonly metrics?: readonly string[];
  readonly notifications?: readonly { readonly body: string }[];
}

const VERSIONS = ['v0.9.2', 'v1.11.1'] as const;
type Version = (typeof VERSIONS)[number];

const recordings = new Map(
  VERSIONS.map((version) => [
    version,
    readVector(`auditor/immuclient-audit-${version}.json`) as readonly Recorded[],
  ]),
);

function recorded(version: Version, phase: string): Recorded {
  const found = recordings.get(version)?.find((row) => row.phase === phase);
  assert.ok(found, `${version} has no phase ${phase}`);
  return found;
}

/** Without times, hashes, addresses, and the words that Go puts before errors. */
function normalized(line: string): string {
  return line
    .replace(/^immuclientd \S+ \S+ /, '')
    .replace(/started @ .*$/, 'started @ TIME')
    .replace(/finished in .*$/, 'finished in TIME')
    .replace(/[0-9a-f]{64}/g, 'HASH')
    .replace(/server \S+ @ \S+/, 'server ID @ ADDRESS')
    .replace(/at http:\S+$/, 'at URL')
    .replace(/POST http:\S+ request with payload \{.*?\}:/, 'POST URL:')
    .replace(/(POST|Post) "?http:[^\s":]+:[^\s":]+"?:/, 'POST URL:')
    .replace(/rpc error: code = \w+ desc = /, '')
    .replace(/POST URL: (dial|connect).*$/, 'POST URL: connection refused');
}

/** The lines of the first check. 1.x has lost the break between two lines of a result; it is put back. */
function firstCheck(text: string): string[] {
  const lines = text.replaceAll(/(consistent:\t\w+) (previous)/g, '$1\n  $2').split('\n');
  const kept: string[] = [];
  let inside = false;
  for (const line of lines) {
    const isNew = /^immuclientd /.test(line);
    if (/audit #2 started/.test(line)) break;
    if (/audit #1 started/.test(line)) inside = true;
    if (inside && (isNew || /^ /.test(line))) kept.push(normalized(line));
  }
  return kept;
}

interface Prepared {
  readonly scene: Scene;
}

interface Phase {
  readonly name: string;
  readonly versions?: readonly Version[];
  /** Our lines that the recording has not. */
  readonly added?: RegExp;
  /** Lines of the recording that we word in another way, or leave out. */
  readonly dropped?: RegExp;
  prepare(t: TestContext, notification: AuditorOptions['notification']): Promise<Prepared>;
}

async function audited(
  t: TestContext,
  count: number,
  more: Partial<AuditorOptions>,
  options: FixtureOptions = {},
): Promise<Scene> {
  const scene = await Scene.start(t, count, { databases: ['defaultdb'], ...more }, options);
  await scene.clean();
  return scene;
}

/** The number of a check begins anew with the process. */
async function again(scene: Scene, more: Partial<AuditorOptions> = {}): Promise<Prepared> {
  await scene.restart(more);
  scene.lines.length = 0;
  return { scene };
}

/** A receiver that refuses. */
async function refused(t: TestContext): Promise<Receiver> {
  const receiver = await Receiver.start(t);
  receiver.status = 500;
  receiver.answer = 'no thanks';
  return receiver;
}

const ALARM = /^ERROR: audit #1 ALARM /;
const TRUSTED = /nothing was known of database/;

function signerOptions(): FixtureOptions {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  return { rpc: { signer: new StateSigner(pem) } };
}

const PHASES: readonly Phase[] = [
  {
    name: 'empty-database',
    async prepare(t, notification) {
      return { scene: await Scene.start(t, 0, { databases: ['defaultdb'], notification }) };
    },
  },
  {
    name: 'first-state',
    // Trust that begins is said, because a lost folder of states looks the same.
    added: TRUSTED,
    async prepare(t, notification) {
      return { scene: await Scene.start(t, 2, { databases: ['defaultdb'], notification }) };
    },
  },
  {
    name: 'consistent',
    async prepare(t, notification) {
      const scene = await audited(t, 2, { notification });
      await write(scene.client, 3, 5);
      return again(scene);
    },
  },
  {
    name: 'nothing-new',
    prepare: async (t, notification) => again(await audited(t, 5, { notification })),
  },
  {
    name: 'no-notification',
    prepare: async (t) => again(await audited(t, 7, {})),
  },
  {
    name: 'receiver-absent',
    async prepare(t, notification) {
      assert.ok(notification);
      const url = `http://127.0.0.1:${await freePort()}/`;
      return again(await audited(t, 7, { notification: { ...notification, url } }));
    },
  },
  {
    name: 'receiver-answers-500',
    async prepare(t) {
      return again(await audited(t, 7, { notification: (await refused(t)).options() }));
    },
  },
  {
    name: 'other-history-same-length',
    added: ALARM,
    async prepare(t, notification) {
      const scene = await audited(t, 10, { notification });
      scene.proxy.target = await scene.otherHistory(10);
      return again(scene);
    },
  },
  {
    name: 'other-history-longer',
    added: ALARM,
    async prepare(t, notification) {
      const scene = await audited(t, 10, { notification });
      scene.proxy.target = await scene.otherHistory(12);
      return again(scene);
    },
  },
  {
    name: 'prefix',
    async prepare(t, notification) {
      const scene = await Scene.start(t, 2, { notification });
      for (const databaseName of ['db1', 'db2']) {
        await scene.client.call('CreateDatabase', { databaseName });
      }
      await scene.client.useDatabase('db1');
      await scene.client.set('key', 'value');
      await scene.clean();
      return again(scene, { databases: ['db'] });
    },
  },
  {
    name: 'no-credentials',
    prepare: async (t) => ({
      scene: await Scene.start(t, 2, { username: '', password: '', databases: ['defaultdb'] }),
    }),
  },
  {
    name: 'no-such-database',
    prepare: async (t) => ({ scene: await Scene.start(t, 2, { databases: ['nosuchdb'] }) }),
  },
  {
    name: 'signed-no-key',
    async prepare(t, notification) {
      return again(await audited(t, 10, { notification }, signerOptions()));
    },
  },
  {
    name: 'value-changed-on-disk-verify-values',
    versions: ['v1.11.1'],
    added: /ALARM|value-integrity/,
    // Ours names the transaction in other words.
    dropped: /value-integrity/,
    async prepare(t, notification) {
      const scene = await audited(t, 10, { notification });
      await write(scene.client, 11, 12);
      const details = 'data is corrupted: value length or digest mismatch';
      scene.proxy.forge = { TxById: () => ({ code: 2, details }) };
      return again(scene);
    },
  },
];

for (const version of VERSIONS) {
  for (const phase of PHASES) {
    if (!(phase.versions ?? VERSIONS).includes(version)) continue;
    test(`${version}: ${phase.name}`, async (t) => {
      const receiver = await Receiver.start(t);
      const hashes = version === 'v0.9.2' ? 'hex' : 'base64';
      const { scene } = await phase.prepare(t, receiver.options({ hashes }));
      receiver.received.length = 0;
      await scene.cycle();
      const { stdout = '', notifications = [], metrics = [] } = recorded(version, phase.name);
      // 0.9.2 takes an embedded key without a word.
      const added = version === 'v0.9.2' ? /untrusted public key/ : /^$/;
      const isOurs = (line: string) => phase.added?.test(line) === true || added.test(line);
      const all = scene.lines.flatMap((line) => line.split('\n')).map(normalized);
      const second = all.findIndex((line) => /audit #2 started/.test(line));
      const ours = all.slice(0, second < 0 ? undefined : second);
      const theirs = firstCheck(stdout).filter((line) => phase.dropped?.test(line) !== true);
      assert.ok(theirs.length >= 2, 'the recording was not understood');
      assert.deepEqual(
        ours.filter((line) => !isOurs(line)),
        theirs,
      );
      // Those of the first check: a state without one before is nothing to tell of.
      if (notifications[0] !== undefined && !/^(first-state|receiver-)/.test(phase.name)) {
        assert.ok(receiver.received[0], 'nothing was posted');
        assertSameShape(JSON.parse(receiver.received[0].body), JSON.parse(notifications[0].body));
      }
      // Those of the series are of a later check; of several databases ours looks at the others too.
      await scene.cycle();
      if (phase.name !== 'prefix') assertSameSeries(scene, metrics);
    });
  }
}

/** Same members in the same order; hashes in the same encoding; more members only with an alarm. */
function assertSameShape(ours: Record<string, unknown>, theirs: Record<string, unknown>): void {
  const { server, alarm, ...rest } = ours;
  assert.equal(alarm !== undefined, theirs.tampered);
  assert.equal(server !== undefined, theirs.tampered);
  assert.equal(shapeOf(rest), shapeOf(theirs));
}

function shapeOf(value: unknown): string {
  return JSON.stringify(value, (key, member) => {
    if (/^(hash|signature|public_key)$/.test(key) && typeof member === 'string') {
      if (/^[0-9a-f]{64}$/.test(member)) return 'hex';
      // DER signatures differ by a byte or two.
      return member === '' ? '' : key === 'signature' ? 'signature' : `base64 of ${member.length}`;
    }
    return key === 'run_at' ? 'time' : member;
  });
}

function assertSameSeries(scene: Scene, metrics: readonly string[]): void {
  const page = scene.auditor.figures.registry.page();
  for (const line of metrics) {
    if (line.startsWith('#')) {
      assert.ok(page.includes(line), `the page has not: ${line}`);
      continue;
    }
    const [, name = '', labels = '', value] = /^(\w+)\{(.*)\} (.*)$/.exec(line) ?? [];
    const ours = page.split('\n').find((text) => text.startsWith(`${name}{`)) ?? '';
    const names = (text: string) => [...text.matchAll(/(\w+)="/g)].map(([, label]) => label);
    assert.deepEqual(names(ours), names(labels));
    if (/run_at/.test(name)) continue;
    assert.equal(scene.metric(name), Number(value), name);
  }
}
