import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SteleClient } from '../../src/client/index.js';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const PROGRAM = path.join(projectRoot, 'dist/src/cli/steleclient.js');
const DEFAULT_DATABASE = 'defaultdb';

/** A data directory with a server, and what its users run against it: the shipped programs. */
export class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly dir: string;
  readonly home: string;
  readonly port: number;
  /** Of every server from now on. */
  flags: string[] = [];
  #server: ServerProcess | undefined;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.dir = path.join(folder, 'data');
    this.home = path.join(folder, 'home');
    this.port = port;
    mkdirSync(this.home);
  }

  static async make(): Promise<Bench> {
    return new Bench(mkdtempSync(path.join(tmpdir(), 'stele-auditor-suite-')), await freePort());
  }

  async start(dir = this.dir): Promise<void> {
    const flags = ['--audit=false', ...this.flags];
    this.#server = await ServerProcess.start({ dir, port: this.port, flags });
  }

  async stop(): Promise<void> {
    this.#server?.signal('SIGTERM');
    await this.#server?.ended(20_000);
    this.#server = undefined;
  }

  /** What the server logged. */
  get log(): string {
    return this.#server?.log ?? '';
  }

  async kill(): Promise<void> {
    await this.#server?.kill();
    this.#server = undefined;
  }

  async client(): Promise<SteleClient> {
    const client = new SteleClient({ port: this.port });
    await client.openSession('immudb', 'immudb');
    return client;
  }

  /** Does something as a user that is logged in. */
  async with<T>(work: (client: SteleClient) => Promise<T>): Promise<T> {
    await using client = await this.client();
    return await work(client);
  }

  /** `steleclient` with these words. */
  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd: this.folder,
      env: { ...this.environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (piece: Buffer) => {
      stdout += piece;
    });
    child.stderr.on('data', (piece: Buffer) => {
      stderr += piece;
    });
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode, stdout, stderr };
  }

  /** Of the programs, with the login of the first user. */
  environment(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      HOME: this.home,
      STELE_IMMUDB_PORT: String(this.port),
      STELE_USERNAME: 'immudb',
      STELE_PASSWORD: 'immudb',
      STELE_AUDIT_USERNAME: 'immudb',
      STELE_AUDIT_PASSWORD: 'immudb',
      STELE_AUDIT_DATABASES: DEFAULT_DATABASE,
    };
  }

  /** Folder of the default database of a data directory. */
  databaseFolder(dir = this.dir): string {
    const folders = path.join(dir, 'databases');
    const name = readdirSync(folders).find((found) => found.startsWith(`${DEFAULT_DATABASE}.`));
    if (name === undefined) throw new Error(`${folders} has no ${DEFAULT_DATABASE}`);
    return path.join(folders, name);
  }

  /** Puts the default database of another data directory in the place of this one's. */
  takeDatabaseOf(other: string): void {
    const [own, others] = [this.databaseFolder(), this.databaseFolder(other)];
    rmSync(own, { recursive: true });
    cpSync(others, own, { recursive: true });
    const stateOf = (folder: string, dir: string) =>
      path.join(dir, 'states', path.basename(folder));
    const [ownState, othersState] = [stateOf(own, this.dir), stateOf(others, other)];
    rmSync(ownState, { force: true });
    if (existsSync(othersState)) cpSync(othersState, ownState);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
