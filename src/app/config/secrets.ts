import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../../base/errors.js';
import { ConfigError } from './errors.js';
import type { Config } from './options.js';
import { describeSource, type RawValue, type RawValues, rankOf, type Source } from './sources.js';

export const DEFAULT_ADMIN_PASSWORD = 'immudb';

interface SecretValues {
  readonly adminPassword: string;
  readonly signingKey: KeyObject | undefined;
}

/** What must not be logged. Neither JSON nor an inspection of the object shows any of it. */
export class Secrets {
  readonly #values: SecretValues;

  constructor(values: SecretValues) {
    this.#values = values;
  }

  /** What user `immudb` gets when it is created, or at each start with `forceAdminPassword`. */
  get adminPassword(): string {
    return this.#values.adminPassword;
  }

  /** Whether it is the one that everybody knows. */
  get adminPasswordIsDefault(): boolean {
    return this.#values.adminPassword === DEFAULT_ADMIN_PASSWORD;
  }

  /** P-256; undefined when states are not signed. */
  get signingKey(): KeyObject | undefined {
    return this.#values.signingKey;
  }
}

/** @throws ConfigError secretInvalid, fileUnreadable, conflict */
export function loadSecrets(
  config: Config,
  raw: RawValues,
  sourceOf: (name: 'adminPasswordFile' | 'signingKey') => Source,
): Secrets {
  return new Secrets({
    adminPassword: adminPassword(config, raw, sourceOf('adminPasswordFile')),
    signingKey:
      config.signingKey === undefined
        ? undefined
        : readSigningKey(config.signingKey, describeSource(sourceOf('signingKey'))),
  });
}

/** Of a password and a file with one the better source counts, as for any option; equals conflict. */
function adminPassword(config: Config, raw: RawValues, fileSource: Source): string {
  const plain = raw.get('adminPassword');
  const file = config.adminPasswordFile;
  if (file === undefined) {
    return plain ? decodePassword(plain) : DEFAULT_ADMIN_PASSWORD;
  }
  const ranks = { plain: plain ? rankOf(plain.source) : 0, file: rankOf(fileSource) };
  if (plain && ranks.plain > ranks.file) return decodePassword(plain);
  if (plain && ranks.plain === ranks.file) {
    throw new ConfigError(
      'conflict',
      `${describeSource(plain.source)} and ${describeSource(fileSource)} both give the password`,
    );
  }
  const text = readText(file, describeSource(fileSource)).replace(/\r?\n$/, '');
  return decodeSecret(text, `${file} (${describeSource(fileSource)})`);
}

function decodePassword({ text, source }: RawValue): string {
  return decodeSecret(text.trim(), describeSource(source));
}

/** Plain, or `enc:` and standard base64. */
function decodeSecret(text: string, where: string): string {
  const decoded = text.startsWith('enc:') ? decodeBase64(text.slice(4).trim(), where) : text;
  if (decoded !== '') return decoded;
  throw new ConfigError('secretInvalid', `Admin password cannot be empty (${where})`);
}

function decodeBase64(encoded: string, where: string): string {
  const bytes = Buffer.from(encoded, 'base64');
  try {
    // Buffer takes anything for base64; what it read must be what was written.
    if (bytes.toString('base64') !== encoded) throw new TypeError('not base64');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ConfigError(
      'secretInvalid',
      `${where}: expected standard base64 of UTF-8 text after enc:`,
    );
  }
}

function readSigningKey(file: string, where: string): KeyObject {
  const pem = readText(file, where);
  const expected = 'expected an unencrypted P-256 private key in PEM';
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new ConfigError('secretInvalid', `signing key ${file} (${where}): ${expected}`);
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'ec' && curve === 'prime256v1') return key;
  const found = [key.asymmetricKeyType, curve].filter((part) => part !== undefined).join(' ');
  throw new ConfigError(
    'secretInvalid',
    `signing key ${file} (${where}): ${expected}, found ${found}`,
  );
}

function readText(file: string, where: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError('fileUnreadable', `${where}: cannot read ${file}: ${messageOf(error)}`);
  }
}
