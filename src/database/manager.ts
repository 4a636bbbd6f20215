import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { unixSeconds } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { State } from '../proofs/index.js';
import { EntryCache, fileSize, readStateFile } from '../storage/index.js';
import type { Database, DatabaseInfo, Databases } from './api.js';
import { Catalog, type CatalogRecord } from './catalog.js';
import type { StoredDatabase } from './database.js';
import { DatabaseError } from './errors.js';
import { asDatabaseError } from './failures.js';
import { checkDatabaseName, DEFAULT_DATABASE, isReserved, SYSTEM_DATABASE } from './names.js';
import { OpenDatabases } from './open-databases.js';
import { RetentionJob } from './retention.js';
import { Scrubber, type ScrubStatus } from './scrub.js';
import type { DatabaseSettings, DatabaseSettingsUpdate } from './settings.js';
import { defaultSettings, newSettings, updatedSettings } from './settings-rules.js';
import {
  type DatabasesOptions,
  folderOf,
  openStored,
  type StoredOptions,
  stateFileOf,
} from './stored-files.js';

const RETENTION_MS_MIN = 86_400_000;
const SYSTEM_LIMITS = { maxKeyLen: 1024, maxValueLen: 33_554_432, maxTxEntries: 1024 };
const DATABASE_IDLE_MS = 30_000;
const SCRUB_PERIOD_MS = 7 * 86_400_000;

/** Keeps the catalog and the open databases of one data directory. */
export class DatabaseManager implements Databases {
  readonly system: StoredDatabase;
  readonly #options: StoredOptions;
  readonly #catalog: Catalog;
  readonly #open: OpenDatabases;
  readonly #scrubber: Scrubber;
  readonly #retention: RetentionJob;
  #changes: Promise<unknown> = Promise.resolve();
  /** Names of databases that are opened because they are created or loaded. */
  readonly #managed = new Set<string>();

  private constructor(options: StoredOptions, system: StoredDatabase) {
    this.#options = options;
    this.system = system;
    this.#catalog = new Catalog(system);
    this.#open = new OpenDatabases({
      openMax: options.maxOpenDatabases ?? Number.POSITIVE_INFINITY,
      idleMsMin: options.databaseIdleMs ?? DATABASE_IDLE_MS,
      onIdle: (database) => options.onUse?.('closed', database.name, database.state()),
    });
    this.#scrubber = new Scrubber({
      periodMs: options.scrubPeriodMs ?? SCRUB_PERIOD_MS,
      rateBytes: options.scrubRateBytes ?? 0,
      clock: options.clock,
      log: options.log,
      databases: () => this.#scrubbed(),
      open: (name) => this.stored(name),
      onDamage: (name, { problems }) => {
        const error = asDatabaseError(problems[0]?.what);
        if (error instanceof DatabaseError) options.onCorruption(name, error);
      },
    });
    this.#retention = new RetentionJob({
      log: options.log,
      databases: () => this.#retained(),
      truncate: (name, periodMs) => this.#truncate(name, periodMs),
    });
  }

  /** How the last scrub went. */
  get scrubStatus(): ScrubStatus {
    return this.#scrubber.status;
  }

  /** Everything that is loaded. */
  #scrubbed(): { name: string; bytes: number }[] {
    const loaded = this.list().filter((info) => info.loaded);
    const system = { name: SYSTEM_DATABASE, bytes: this.system.store.environment.diskSize() };
    return [system, ...loaded.map(({ name, diskSize }) => ({ name, bytes: diskSize }))];
  }

  /** Reads everything stored again and checks it, now. */
  scrub(): Promise<void> {
    return this.#scrubber.scrub();
  }

  /** Opens the system database, the catalog, and the default database, made at the first start. */
  static async open(asked: DatabasesOptions): Promise<DatabaseManager> {
    const options = { ...asked, entryCache: new EntryCache(asked.entryCacheBytes ?? 0) };
    mkdirSync(path.join(options.dir, 'states'), { recursive: true, mode: 0o700 });
    const settings = defaultSettings({ ...SYSTEM_LIMITS, writeTxHeaderVersion: 1 });
    const system = await openStored(options, SYSTEM_DATABASE, SYSTEM_DATABASE, settings);
    const manager = new DatabaseManager(options, system);
    try {
      await manager.#catalog.load();
      if (manager.#catalog.get(DEFAULT_DATABASE) === undefined) {
        await manager.#create(DEFAULT_DATABASE, {}, SYSTEM_DATABASE);
      }
      await manager.#tryOpen(DEFAULT_DATABASE);
      manager.#scrubber.start();
      manager.#retention.start();
      return manager;
    } catch (error) {
      await manager.close();
      throw error;
    }
  }

  /** A database that cannot be opened stops neither the others nor the list. */
  async #tryOpen(name: string): Promise<void> {
    try {
      await this.open(name);
    } catch (error) {
      const reason = messageOf(error);
      this.#options.log.error('a database cannot be opened', { database: name, reason });
    }
  }

  exists(name: string): boolean {
    return name === SYSTEM_DATABASE || this.#catalog.get(name) !== undefined;
  }

  list(): DatabaseInfo[] {
    return this.#catalog.all().map((record) => this.#infoOf(record));
  }

  info(name: string): DatabaseInfo {
    return this.#infoOf(this.#record(name));
  }

  #record(name: string): CatalogRecord {
    const record = this.#catalog.get(name);
    if (record === undefined) {
      throw new DatabaseError('databaseNotFound', 'database does not exist');
    }
    return record;
  }

  #infoOf(record: CatalogRecord): DatabaseInfo {
    const { name, createdAt, createdBy, loaded, directory } = record;
    return {
      name,
      createdAt,
      createdBy,
      loaded,
      settings: this.#settingsOf(record),
      diskSize: fileSize(folderOf(this.#options.dir, directory)),
      numTransactions: loaded ? this.#lastTxId(record) : 0,
    };
  }

  /** The settings of the catalog, with the header version that an open database has fixed. */
  #settingsOf({ name, settings }: CatalogRecord): DatabaseSettings {
    const database = this.#open.get(name);
    if (database === undefined || settings.writeTxHeaderVersion !== 'auto') return settings;
    return { ...settings, writeTxHeaderVersion: database.headerVersion };
  }

  #lastTxId({ name }: CatalogRecord): number {
    return this.lastState(name)?.txId ?? 0;
  }

  /** Of a database that is not open its last acknowledged state tells. */
  lastState(name: string): State | undefined {
    const database = this.#open.get(name);
    if (database !== undefined) return database.state();
    try {
      return readStateFile(stateFileOf(this.#options.dir, this.#record(name).directory));
    } catch {
      return undefined;
    }
  }

  /** Names of databases that could not be opened, with the reason. */
  get damaged(): ReadonlyMap<string, string> {
    return this.#open.damaged;
  }

  /** The databases that are open now, the system database first. */
  opened(): StoredDatabase[] {
    return [this.system, ...this.#open.all()];
  }

  open(name: string): Database | Promise<Database> {
    const database = this.#open.get(name);
    if (database === undefined) return this.stored(name);
    database.uses.touch();
    return database;
  }

  /** The same for maintenance. */
  async stored(name: string): Promise<StoredDatabase> {
    if (name === SYSTEM_DATABASE) return this.system;
    const record = this.#record(name);
    if (!record.loaded) throw new DatabaseError('databaseClosed', 'already closed');
    return this.#open.open(name, async () => {
      const opened = await this.#openRecord(record);
      if (!this.#managed.has(name)) this.#options.onUse?.('opened', name, opened.state());
      return opened;
    });
  }

  async #openRecord({ name, directory, settings }: CatalogRecord): Promise<StoredDatabase> {
    const folder = path.join('databases', directory);
    const database = await openStored(this.#options, name, folder, settings, () => {
      void this.#noteHeaderVersion(name);
    });
    // A crash may have come between the write that fixed it and the note.
    if (database.headerVersion !== settings.writeTxHeaderVersion) {
      setImmediate(() => void this.#noteHeaderVersion(name));
    }
    return database;
  }

  /** The database itself keeps its header version; the catalog repeats it for lists. */
  async #noteHeaderVersion(name: string): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#exclusively(async () => {
        const record = this.#record(name);
        const settings = this.#settingsOf(record);
        if (settings === record.settings) return;
        const version = settings.writeTxHeaderVersion;
        log.info('header version fixed by the first write', { database: name, version });
        await this.#catalog.put({ ...record, settings });
      });
    } catch (error) {
      const reason = messageOf(error);
      log.warn('the catalog was not updated', { database: name, reason });
    }
  }

  /** Changes of the catalog happen one after the other. */
  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => undefined);
    return result;
  }

  create(
    asked: string,
    update: DatabaseSettingsUpdate,
    options: { createdBy: string; ifNotExists: boolean },
  ): Promise<{ readonly info: DatabaseInfo; readonly alreadyExisted: boolean }> {
    return this.#exclusively(async () => {
      const name = asked.toLowerCase();
      const isFound = options.ifNotExists && this.#catalog.get(name) !== undefined;
      // As the original has it: one that is found under other letters is no reserved name.
      if (isReserved(isFound ? asked : name)) {
        throw new DatabaseError('databaseReserved', 'database is reserved');
      }
      if (isFound) return { info: this.info(name), alreadyExisted: true };
      checkDatabaseName(name);
      if (this.#catalog.get(name) !== undefined) {
        throw new DatabaseError('databaseExists', 'database already exists');
      }
      await this.#create(name, update, options.createdBy);
      try {
        await this.#openManaged(name);
      } catch (error) {
        await this.#remove(name);
        throw error;
      }
      return { info: this.info(name), alreadyExisted: false };
    });
  }

  async #create(name: string, update: DatabaseSettingsUpdate, createdBy: string): Promise<void> {
    const settings = newSettings(this.#options.defaults, update);
    // The transaction number makes the folder of a name that was deleted before a new one.
    const directory = `${name}.${this.system.state().txId + 1}`;
    const createdAt = unixSeconds(this.#options.clock);
    await this.#catalog.put({ name, directory, settings, loaded: true, createdAt, createdBy });
  }

  load(name: string): Promise<void> {
    return this.#exclusively(async () => {
      const record = this.#manageable(name);
      if (record.loaded) {
        throw new DatabaseError('databaseAlreadyLoaded', 'database already loaded');
      }
      await this.#catalog.put({ ...record, loaded: true });
      await this.#openManaged(name);
    });
  }

  async #openManaged(name: string): Promise<void> {
    this.#managed.add(name);
    try {
      await this.open(name);
    } finally {
      this.#managed.delete(name);
    }
  }

  unload(name: string): Promise<void> {
    return this.#exclusively(async () => {
      const record = this.#manageable(name);
      if (!record.loaded) throw new DatabaseError('databaseClosed', 'already closed');
      await this.#catalog.put({ ...record, settings: this.#settingsOf(record), loaded: false });
      await this.#open.close(name);
    });
  }

  delete(name: string): Promise<void> {
    return this.#exclusively(async () => {
      const record = this.#manageable(name);
      if (record.loaded) {
        throw new DatabaseError('databaseStillLoaded', 'cannot delete an open database');
      }
      await this.#remove(name);
    });
  }

  async #remove(name: string): Promise<void> {
    const { directory } = this.#record(name);
    await this.#open.close(name);
    await this.#catalog.remove(name);
    const { dir } = this.#options;
    rmSync(folderOf(dir, directory), { recursive: true, force: true });
    rmSync(stateFileOf(dir, directory), { force: true });
  }

  #manageable(name: string): CatalogRecord {
    if (isReserved(name)) throw new DatabaseError('databaseReserved', 'database is reserved');
    return this.#record(name);
  }

  /** What was changed holds from the next opening on. */
  updateSettings(name: string, update: DatabaseSettingsUpdate): Promise<DatabaseInfo> {
    return this.#exclusively(async () => {
      const record = this.#manageable(name);
      const settings = updatedSettings(name, this.#settingsOf(record), update);
      await this.#catalog.put({ ...record, settings });
      return this.info(name);
    });
  }

  async truncate(name: string, retentionPeriodMs: number): Promise<number> {
    this.#manageable(name);
    if (retentionPeriodMs < 0 || (retentionPeriodMs > 0 && retentionPeriodMs < RETENTION_MS_MIN)) {
      throw new DatabaseError(
        'retentionPeriodTooShort',
        `illegal arguments: invalid retention period for database '${name}'. ` +
          "RetentionPeriod should at least '24h0m0s' hours",
      );
    }
    return this.#truncate(name, retentionPeriodMs);
  }

  async #truncate(name: string, retentionPeriodMs: number): Promise<number> {
    const database = await this.stored(name);
    const before = unixSeconds(this.#options.clock) - retentionPeriodMs / 1000;
    return (await database.truncation.before(before)).next;
  }

  /** Those that keep values for a time only. */
  #retained() {
    return this.#catalog.all().flatMap(({ loaded, name, directory, settings }) => {
      const { retentionPeriodMs, truncationFrequencyMs } = settings;
      if (!loaded || retentionPeriodMs === 0) return [];
      return [{ name, directory, retentionPeriodMs, truncationFrequencyMs }];
    });
  }

  /** Removes the values that their settings do not keep any longer, where that is due. */
  retain(): Promise<void> {
    return this.#retention.run();
  }

  async close(): Promise<void> {
    const retention = this.#retention.close();
    await this.#scrubber.close();
    await this.#changes;
    // Ends what the retention does, too.
    await this.#open.closeAll();
    await retention;
    await this.system.close();
  }
}
