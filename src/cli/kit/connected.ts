import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../base/errors.js';
import type { SteleClient, TlsOptions } from '../../client/index.js';
import { UsageError } from './errors.js';
import { LoginFile } from './login-file.js';
import { Passwords } from './password.js';
import type { Settings } from './settings.js';
import type { World } from './world.js';

/** One server, connected when it is first needed. */
export class Connected implements AsyncDisposable {
  readonly settings: Settings;
  readonly address: string;
  readonly loginFile: LoginFile;
  /** Those that this run asks for or is given. */
  readonly passwords: Passwords;
  #client: Promise<SteleClient> | undefined;
  /** The login of this process alone: nothing is written for it. */
  #ownLogin = false;

  /** @param loginSuffix keeps the logins of two programs apart */
  constructor(settings: Settings, world: World, loginSuffix = '') {
    this.settings = settings;
    this.passwords = new Passwords(settings, world);
    const port = settings.number('immudb-port') as number;
    this.address = `${settings.raw('immudb-address')}:${port}`;
    this.loginFile = new LoginFile(settings, this.address, loginSuffix);
  }

  /** Logged in as far as possible: with the given user, else as the saved login says. */
  async client(): Promise<SteleClient> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  get trustDirectory(): string {
    return this.settings.text('state-dir') ?? path.join(this.settings.home, 'trust');
  }

  get hasOwnLogin(): boolean {
    return this.#ownLogin;
  }

  /** Connected without any login. */
  async bare(): Promise<SteleClient> {
    const { SteleClient, FileTrustStore } = await import('../../client/index.js');
    const { settings } = this;
    return SteleClient.connect({
      host: settings.raw('immudb-address'),
      port: settings.number('immudb-port') as number,
      tls: await tlsOptions(settings),
      serverKey: await fileOf(settings, 'server-signing-pub-key'),
      trust: new FileTrustStore(this.trustDirectory),
      deadlineMs: (settings.number('timeout') as number) * 1000,
      // A person or a script waits: better to say at once that nobody is there.
      retries: 1,
    });
  }

  async #connect(): Promise<SteleClient> {
    const client = await this.bare();
    try {
      const user = this.settings.text('username');
      if (user !== undefined) {
        this.#ownLogin = true;
        await client.login(user, await this.passwords.current());
      } else {
        const saved = await this.loginFile.load();
        if (saved !== undefined) client.resume({ kind: 'token', ...saved });
      }
      const database = this.settings.text('database');
      if (database !== undefined && (user !== undefined || database !== client.database)) {
        await client.useDatabase(database);
      }
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }
}

/** The content of the file that a setting names. @throws UsageError */
export async function fileOf(settings: Settings, name: string): Promise<string | undefined> {
  const file = settings.text(name);
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--${name}: ${messageOf(error)}`);
  }
}

function isEncrypted(settings: Settings): boolean {
  return settings.has('tls') || settings.has('mtls');
}

/** Undefined without TLS. @throws UsageError */
export async function tlsOptions(
  settings: Settings,
  encrypted = isEncrypted(settings),
): Promise<TlsOptions | undefined> {
  if (!encrypted) return undefined;
  const mtls = settings.has('mtls');
  if (mtls) {
    for (const name of ['certificate', 'pkey']) {
      if (settings.text(name) === undefined) throw new UsageError(`--mtls needs --${name} FILE`);
    }
  }
  return {
    ca: await fileOf(settings, 'clientcas'),
    certificate: await fileOf(settings, 'certificate'),
    key: await fileOf(settings, 'pkey'),
    serverName: settings.text('servername'),
  };
}
