import path from 'node:path';
import type { TestContext } from 'node:test';
import {
  Auth,
  AuthError,
  type AuthErrorCode,
  type AuthOptions,
  type Caller,
} from '../../src/auth/index.js';
import type { HashCost } from '../../src/auth/passwords.js';
import { FakeClock } from './fake-clock.js';
import { MemorySystemStore } from './memory-system-store.js';
import { cleanUp, temporaryFolder } from './store-fixture.js';

/** Half a millisecond: for tests that do not look at the cost. */
export const CHEAP_HASH: HashCost = { timeCost: 1, memoryCost: 64, parallelism: 1 };
export const STRONG = 'Passw0rd!';

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** For `assert.throws` and `assert.rejects`: this code and no other. */
export function refusal(code: AuthErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof AuthError && error.code === code) return true;
    throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
  };
}

export interface FixtureOptions extends Partial<AuthOptions> {
  readonly databases?: readonly string[];
  readonly store?: MemorySystemStore;
  readonly hashCost?: HashCost;
}

/** An open layer over a store without disk, with a clock that stands still. */
export class AuthFixture {
  readonly auth: Auth;
  readonly clock: FakeClock;
  readonly store: MemorySystemStore;
  readonly databases: Set<string>;
  readonly folder: string;

  constructor(folder: string, given: FixtureOptions) {
    const { databases = ['defaultdb'], store, hashCost = CHEAP_HASH, ...options } = given;
    this.folder = folder;
    this.clock = new FakeClock();
    this.store = store ?? new MemorySystemStore();
    this.databases = new Set(databases);
    this.auth = new Auth({
      store: this.store,
      databases: {
        exists: (name) => this.databases.has(name),
        list: () => [...this.databases].sort().map((name) => ({ name })),
      },
      options: { tokenKeyPath: path.join(folder, 'token.key'), sweepIntervalMs: 0, ...options },
      clock: this.clock,
      hashCost,
    });
  }

  async login(userName: string, password = STRONG): Promise<{ token: string; caller: Caller }> {
    return this.auth.login({ userName, password: bytes(password), address: '127.0.0.1' });
  }

  /** The first user, logged in. */
  async root(): Promise<Caller> {
    return (await this.login('immudb', 'immudb')).caller;
  }

  async openSession(userName: string, password = STRONG, database = 'defaultdb') {
    return this.auth.openSession({ userName, password: bytes(password), database });
  }

  async createUser(
    by: Caller,
    userName: string,
    permission = 1,
    database = 'defaultdb',
  ): Promise<void> {
    await this.auth.createUser(by, { userName, password: bytes(STRONG), permission, database });
  }

  async grant(by: Caller, userName: string, database: string, permission: number): Promise<void> {
    await this.auth.changePermission(by, { action: 0, userName, database, permission });
  }

  async revoke(by: Caller, userName: string, database: string, permission = 1): Promise<void> {
    await this.auth.changePermission(by, { action: 1, userName, database, permission });
  }
}

export async function openAuth(t: TestContext, options: FixtureOptions = {}): Promise<AuthFixture> {
  const fixture = new AuthFixture(await temporaryFolder(t), options);
  await fixture.auth.open();
  cleanUp(t, () => fixture.auth.dispose());
  return fixture;
}
