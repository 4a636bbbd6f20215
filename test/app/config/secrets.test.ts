import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import {
  ConfigError,
  flagsForChild,
  loadConfig,
  type Secrets,
} from '../../../src/app/config/index.js';

const cwd = mkdtempSync(path.join(tmpdir(), 'stele-secrets-'));
after(() => rmSync(cwd, { recursive: true, force: true }));

function secrets(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Secrets {
  return loadConfig(argv, env, cwd, '/nowhere').secrets;
}

function password(env: Readonly<Record<string, string>>): string {
  return secrets([], env).adminPassword;
}

function refusal(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ConfigError {
  try {
    secrets(argv, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail('the secret was accepted');
}

function write(name: string, content: string): string {
  const file = path.join(cwd, name);
  writeFileSync(file, content);
  return file;
}

test('the first password is the known one until another is given', () => {
  assert.equal(password({}), 'immudb');
  assert.equal(secrets([]).adminPasswordIsDefault, true);
  assert.equal(password({ IMMUDB_ADMIN_PASSWORD: ' Other!123 ' }), 'Other!123');
  assert.equal(secrets(['--admin-password', 'Other!123']).adminPasswordIsDefault, false);
  assert.equal(secrets(['--admin-password=immudb']).adminPasswordIsDefault, true);
});

test('a password may be given as enc: and base64', () => {
  const encoded = (text: string) => `enc:${Buffer.from(text).toString('base64')}`;
  assert.equal(password({ STELE_ADMIN_PASSWORD: encoded('pässword') }), 'pässword');
  for (const wrong of ['enc:%%%', 'enc:cGFz!', 'enc:cGFzcw', 'enc:_-__', 'enc:/w==']) {
    const error = refusal([], { STELE_ADMIN_PASSWORD: wrong });
    assert.equal(error.code, 'secretInvalid');
    assert.match(error.message, /STELE_ADMIN_PASSWORD: expected standard base64/);
    assert.ok(!error.message.includes(wrong.slice(4)));
  }
});

test('an empty password is refused, wherever it comes from', () => {
  for (const argv of [
    ['--admin-password='],
    ['--admin-password=  '],
    ['--admin-password=enc:'],
    ['--admin-password-file', write('empty', '\n')],
  ]) {
    assert.match(refusal(argv).message, /^Admin password cannot be empty/);
  }
});

test('a file of a password loses one newline at its end and nothing else', () => {
  const cases: [string, string][] = [
    ['Secret!1', 'Secret!1'],
    ['Secret!1\n', 'Secret!1'],
    ['Secret!1\r\n', 'Secret!1'],
    [' Secret!1 \n\n', ' Secret!1 \n'],
    ['enc:U2VjcmV0\n', 'Secret'],
  ];
  for (const [content, expected] of cases) {
    assert.equal(password({ STELE_ADMIN_PASSWORD_FILE: write('password', content) }), expected);
  }
  assert.equal(refusal(['--admin-password-file=missing']).code, 'fileUnreadable');
});

test('of a password and a file with one, the better source counts and equal ones conflict', () => {
  const file = write('password', 'FromFile!1');
  const image = { IMMUDB_ADMIN_PASSWORD: 'immudb' };
  assert.equal(password({ ...image, STELE_ADMIN_PASSWORD_FILE: file }), 'FromFile!1');
  assert.equal(
    secrets(['--admin-password=Flag!123'], { STELE_ADMIN_PASSWORD_FILE: file }).adminPassword,
    'Flag!123',
  );
  const both = refusal([], { ...image, IMMUDB_ADMIN_PASSWORD_FILE: file });
  assert.equal(both.code, 'conflict');
  assert.match(both.message, /IMMUDB_ADMIN_PASSWORD .*IMMUDB_ADMIN_PASSWORD_FILE/);
});

test('secrets show themselves neither as JSON nor when inspected', () => {
  const hidden = secrets(['--admin-password=Hidden!1']);
  assert.ok(!JSON.stringify(hidden).includes('Hidden'));
  assert.ok(!inspect(hidden, { depth: 9, showHidden: true }).includes('Hidden'));
});

function pem(key: KeyObject, options: object = {}): string {
  return String(key.export({ type: 'pkcs8', format: 'pem', ...options }));
}

test('a signing key is a private key on P-256, in either form of PEM', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const options of [{ type: 'pkcs8' }, { type: 'sec1' }]) {
    const loaded = secrets(['--signingKey', write('key.pem', pem(privateKey, options))]).signingKey;
    assert.ok(loaded?.equals(privateKey));
  }
  assert.equal(secrets([]).signingKey, undefined);

  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const cases: [string, RegExp][] = [
    ['', /expected an unencrypted P-256 private key in PEM$/],
    [pem(privateKey, { cipher: 'aes-256-cbc', passphrase: 'x' }), /expected an unencrypted/],
    [String(publicKey.export({ type: 'spki', format: 'pem' })), /expected an unencrypted/],
    [pem(p384), /found ec secp384r1$/],
    [pem(rsa), /found rsa$/],
  ];
  for (const [content, expected] of cases) {
    const error = refusal(['--signingKey', write('wrong.pem', content)]);
    assert.equal(error.code, 'secretInvalid');
    assert.match(error.message, expected);
  }
});

test('a copy in the background gets the same settings and its password outside its arguments', () => {
  const { flags, env } = flagsForChild(
    [
      '-dp',
      '7',
      '--admin-password=Hidden!1',
      '--exempt-addresses=::1',
      '--exempt-addresses=::2',
      '--auth',
    ],
    { STELE_ADMIN_PASSWORD_FILE: 'x', STELE_DETACHED: 'true' },
  );
  assert.ok(!flags.join(' ').includes('Hidden'));
  const child = loadConfig(flags, env, cwd, '/nowhere');
  assert.equal(child.config.port, 7);
  assert.equal(child.config.detached, false);
  assert.deepEqual(child.config.exemptAddresses, ['::1', '::2']);
  assert.equal(child.secrets.adminPassword, 'Hidden!1');
});
