import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AlarmKind } from '../../src/auditor/index.js';
import type { Report } from '../fault/suite.js';
import { Bench, type Ran } from './bench.js';
import { cutHistory, editValue, removeTransaction, swapTransactions } from './disk.js';

const CASE_TIMEOUT_MS = 120_000;
/** Transactions of the history that is tampered with; the key `victim` has a version in every third. */
const TRANSACTIONS = 12;
const EXIT_NOT_VERIFIED = 3;

interface Case {
  readonly name: string;
  /** Any of them: which one it is depends on who notices first, the server or the auditor. */
  readonly alarms: readonly AlarmKind[];
  /** Verified commands that meet what was done, and what they must say. */
  readonly commands: readonly { readonly args: readonly string[]; readonly says: RegExp }[];
  readonly env?: (bench: Bench) => Readonly<Record<string, string>>;
  /** Before the first start of the server. */
  prepare?(bench: Bench): void | Promise<void>;
  /** The server is stopped. */
  tamper(bench: Bench): void | Promise<void>;
  /** The server runs again. */
  after?(bench: Bench): Promise<void>;
}

async function fill(bench: Bench, text: string, count = TRANSACTIONS): Promise<void> {
  await bench.with(async (client) => {
    for (let i = 1; i <= count; i++) {
      await client.set(i % 3 === 0 ? 'victim' : `key ${i}`, `${text} ${i}`);
    }
  });
}

/** A data directory of another server with another history. */
async function otherDirectory(bench: Bench, text: string, count: number): Promise<string> {
  const other = path.join(bench.folder, 'other');
  await bench.start(other);
  await fill(bench, text, count);
  await bench.stop();
  return other;
}

function makeKey(bench: Bench, name: string): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = path.join(bench.folder, `${name}.pem`);
  writeFileSync(file, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(`${file}.pub`, publicKey.export({ type: 'spki', format: 'pem' }));
  return file;
}

const HISTORY = { args: ['history', 'victim', '--complete'], says: /left out/ };
const CONSISTENCY = { args: ['check-consistency'], says: /not verified|NOT VERIFIED/ };
const VERIFY = { args: ['verify'], says: /NOT VERIFIED/ };

const CASES: readonly Case[] = [
  {
    name: 'value edited',
    alarms: ['value', 'damaged'],
    commands: [{ args: ['safeget', 'victim'], says: /data damaged|not in its transaction/ }],
    tamper: (bench) => editValue(bench.databaseFolder(), 12, 'forged 1', false),
  },
  {
    name: 'value edited, by a byte of the file',
    alarms: ['value', 'damaged'],
    commands: [{ args: ['safeget', 'victim'], says: /data damaged|not in its transaction/ }],
    tamper(bench) {
      const file = path.join(bench.databaseFolder(), 'data.mdb');
      const bytes = readFileSync(file);
      let at = bytes.indexOf('value 12');
      assert.ok(at > 0, 'the value was not found in the file');
      for (; at > 0; at = bytes.indexOf('value 12', at + 1)) bytes[at] = 'V'.charCodeAt(0);
      writeFileSync(file, bytes);
    },
  },
  {
    name: 'value edited, with its digest',
    alarms: ['tampered', 'value', 'damaged'],
    commands: [{ args: ['safetx', '9'], says: /NOT VERIFIED/ }, CONSISTENCY],
    tamper: (bench) => editValue(bench.databaseFolder(), 9, 'forged 1', true),
  },
  {
    name: 'transaction removed',
    alarms: ['tampered', 'damaged'],
    commands: [{ args: ['safetx', '5'], says: /gone|damaged/ }, CONSISTENCY],
    tamper: (bench) => removeTransaction(bench.databaseFolder(), 5),
  },
  {
    name: 'two transactions swapped',
    alarms: ['tampered', 'value', 'damaged'],
    commands: [{ args: ['safetx', '4'], says: /NOT VERIFIED/ }, CONSISTENCY],
    tamper: (bench) => swapTransactions(bench.databaseFolder(), 4, 7, true),
  },
  {
    name: 'entries of two transactions swapped',
    alarms: ['tampered', 'value', 'damaged'],
    commands: [{ args: ['safetx', '4'], says: /NOT VERIFIED/ }, CONSISTENCY],
    tamper: (bench) => swapTransactions(bench.databaseFolder(), 4, 7, false),
  },
  {
    name: 'tree rebuilt over another history of the same length',
    alarms: ['tampered'],
    commands: [VERIFY, { args: ['safeget', 'victim'], says: /NOT VERIFIED/ }, CONSISTENCY],
    tamper: async (bench) => bench.takeDatabaseOf(await otherDirectory(bench, 'forged', 12)),
  },
  {
    name: 'tree rebuilt over another history that is longer',
    alarms: ['tampered'],
    commands: [VERIFY, { args: ['safetx', '3'], says: /NOT VERIFIED/ }],
    tamper: async (bench) => bench.takeDatabaseOf(await otherDirectory(bench, 'forged', 15)),
  },
  {
    name: 'directory rolled back',
    alarms: ['rolledBack'],
    commands: [VERIFY, { args: ['safeget', 'victim'], says: /rolled back/ }],
    async prepare(bench) {
      await bench.start();
      await fill(bench, 'value', 6);
      await bench.stop();
      cpSync(bench.dir, `${bench.dir}.old`, { recursive: true });
    },
    tamper(bench) {
      rmSync(bench.dir, { recursive: true });
      renameSync(`${bench.dir}.old`, bench.dir);
    },
  },
  {
    name: 'directory rolled back and written to since',
    alarms: ['tampered'],
    commands: [VERIFY, { args: ['safeset', 'a', 'b'], says: /NOT VERIFIED/ }],
    async prepare(bench) {
      await bench.start();
      await fill(bench, 'value', 6);
      await bench.stop();
      cpSync(bench.dir, `${bench.dir}.old`, { recursive: true });
    },
    tamper(bench) {
      rmSync(bench.dir, { recursive: true });
      renameSync(`${bench.dir}.old`, bench.dir);
    },
    after: (bench) => fill(bench, 'other', 20),
  },
  {
    name: 'database emptied',
    alarms: ['emptied'],
    commands: [VERIFY, { args: ['safeget', 'victim'], says: /rolled back/ }],
    tamper: async (bench) => bench.takeDatabaseOf(await otherDirectory(bench, 'none', 0)),
  },
  {
    name: 'database replaced, with the whole server',
    alarms: ['otherServer'],
    commands: [VERIFY, { args: ['safeget', 'victim'], says: /another server/ }],
    async tamper(bench) {
      const other = await otherDirectory(bench, 'value', 12);
      rmSync(bench.dir, { recursive: true });
      renameSync(other, bench.dir);
    },
  },
  {
    name: 'signing key swapped',
    alarms: ['signature'],
    commands: [VERIFY, { args: ['safeget', 'victim'], says: /signature/ }],
    env: (bench) => ({
      STELE_SERVER_SIGNING_PUB_KEY: path.join(bench.folder, 'right.pem.pub'),
    }),
    prepare(bench) {
      bench.flags = ['--signingKey', makeKey(bench, 'right')];
    },
    tamper(bench) {
      bench.flags = ['--signingKey', makeKey(bench, 'wrong')];
    },
  },
  {
    name: 'signing key swapped, unknown to the auditor',
    alarms: ['signature'],
    commands: [],
    prepare(bench) {
      bench.flags = ['--signingKey', makeKey(bench, 'right')];
    },
    tamper(bench) {
      bench.flags = ['--signingKey', makeKey(bench, 'wrong')];
    },
  },
  {
    name: 'history of one key cut',
    alarms: ['value'],
    commands: [
      HISTORY,
      { args: ['history', 'victim', '--verify', '--complete'], says: /left out/ },
    ],
    tamper: (bench) => cutHistory(bench.databaseFolder(), 'victim', 2),
  },
];

export async function tamper(report: Report, only: string): Promise<void> {
  for (const one of CASES.filter(({ name }) => name.includes(only))) {
    await report.test(one.name, CASE_TIMEOUT_MS, () => runCase(one));
  }
}

async function runCase(one: Case): Promise<string> {
  await using bench = await Bench.make();
  await one.prepare?.(bench);
  const env = one.env?.(bench) ?? {};
  const audit = (): Promise<Ran> => bench.run(['audit-mode', '--once', '--json'], env);
  await bench.start();
  await fill(bench, 'value');
  for (const args of [['verify'], ['safeget', 'victim'], ['check-consistency']]) {
    const { exitCode, stderr } = await bench.run(args, env);
    assert.equal(exitCode, 0, `${args} before: ${stderr}`);
  }
  for (let i = 0; i < 2; i++) {
    const { exitCode, stderr } = await audit();
    assert.equal(exitCode, 0, `the audit before: ${stderr}`);
  }
  await bench.stop();
  await one.tamper(bench);
  await bench.start();
  await one.after?.(bench);
  const { exitCode, stdout, stderr } = await audit();
  assert.equal(exitCode, EXIT_NOT_VERIFIED, `the audit: ${stdout}${stderr}${bench.log}`);
  const { alarms } = JSON.parse(stdout) as { alarms: { kind: AlarmKind; reason: string }[] };
  const kinds = alarms.map(({ kind }) => kind);
  assert.ok(
    kinds.length > 0 && kinds.every((kind) => one.alarms.includes(kind)),
    `alarms ${kinds}, expected some of ${one.alarms}`,
  );
  for (const { args, says } of one.commands) {
    const ran = await bench.run(args, env);
    assert.equal(ran.exitCode, EXIT_NOT_VERIFIED, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`);
    assert.match(ran.stderr, says, `${args.join(' ')}: ${ran.stderr}`);
  }
  const commands = one.commands.map(({ args }) => args[0]).join(', ');
  return `alarm ${kinds}: ${alarms[0]?.reason}${commands === '' ? '' : `; exit 3: ${commands}`}`;
}
