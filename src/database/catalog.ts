import type { Database } from './api.js';
import { readRecords } from './records.js';
import type { DatabaseSettings } from './settings.js';

/** What the catalog keeps of one database. */
export interface CatalogRecord {
  readonly name: string;
  /** Folder below the one of all databases; never used twice. */
  readonly directory: string;
  readonly settings: DatabaseSettings;
  readonly loaded: boolean;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly createdBy: string;
}

const KEY_PREFIX = 'database:';

/**
 * Which databases exist, as ordinary transactions of the system database: who changed what when can be
 * proved. A write is done before the memory copy changes.
 */
export class Catalog {
  readonly #system: Database;
  readonly #records = new Map<string, CatalogRecord>();

  constructor(system: Database) {
    this.#system = system;
  }

  async load(): Promise<void> {
    for await (const { value } of readRecords(this.#system, KEY_PREFIX)) {
      const record = JSON.parse(value.toString()) as CatalogRecord;
      this.#records.set(record.name, record);
    }
  }

  get(name: string): CatalogRecord | undefined {
    return this.#records.get(name);
  }

  /** In the order in which they were created. */
  all(): CatalogRecord[] {
    return [...this.#records.values()].sort((a, b) => serialOf(a) - serialOf(b));
  }

  async put(record: CatalogRecord): Promise<void> {
    const value = Buffer.from(JSON.stringify(record));
    await this.#system.set([{ key: keyOf(record.name), value }], { generation: 'session' });
    this.#records.set(record.name, record);
  }

  async remove(name: string): Promise<void> {
    await this.#system.delete([keyOf(name)], 0, { generation: 'session' });
    this.#records.delete(name);
  }
}

/** Folders end in the number of the transaction that made them. */
function serialOf({ directory }: CatalogRecord): number {
  return Number(directory.slice(directory.lastIndexOf('.') + 1));
}

function keyOf(name: string): Buffer {
  return Buffer.from(KEY_PREFIX + name);
}
