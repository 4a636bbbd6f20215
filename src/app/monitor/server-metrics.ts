import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import type { Auth } from '../../auth/index.js';
import type { Registry, Sample } from '../../base/metrics.js';
import type { DatabaseManager, StoredDatabase } from '../../database/index.js';

export interface ServerMetricsSource {
  readonly databases: DatabaseManager;
  readonly auth: Auth;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** Reads that met damaged data, since the start. */
  corruptionAlarms(): number;
}

/** Figures that are read when somebody asks for the page. */
export function registerServerMetrics(registry: Registry, source: ServerMetricsSource): void {
  const { databases, auth, startedAt } = source;
  const perDatabase = (pick: (database: StoredDatabase) => number) => (): Sample[] =>
    databases.opened().map((database) => ({
      labels: { db: database.name },
      value: pick(database),
    }));
  registry.collected(
    'immudb_number_of_stored_entries',
    'gauge',
    'Id of the last transaction of a database.',
    perDatabase((database) => database.state().txId),
  );
  registry.collected(
    'immudb_db_size_bytes',
    'gauge',
    'Bytes of the files of a database.',
    perDatabase((database) => database.store.environment.diskSize()),
  );
  registry.collected(
    'immudb_last_committed_trx_id',
    'gauge',
    'Id of the last transaction on disk.',
    perDatabase((database) => database.state().txId),
  );
  registry.collected(
    'immudb_uptime_hours',
    'counter',
    'Hours since the start.',
    () => (Date.now() - startedAt) / 3_600_000,
  );
  registry.collected(
    'immudb_loaded_databases',
    'gauge',
    'Databases that are open, the system database left out.',
    () => databases.opened().length - 1,
  );
  registry.collected(
    'immudb_active_sessions',
    'gauge',
    'Sessions that are open.',
    () => auth.stats().sessions,
  );
  registerOwn(registry, source, perDatabase);
  registerScrub(registry, databases);
  registerProcess(registry, startedAt);
}

function registerOwn(
  registry: Registry,
  { databases, auth, corruptionAlarms }: ServerMetricsSource,
  perDatabase: (pick: (database: StoredDatabase) => number) => () => Sample[],
): void {
  registry.collected(
    'stele_database_writable',
    'gauge',
    '1 while a database takes writes, 0 after a storage failure or on a full disk.',
    perDatabase((database) => {
      const { ok, diskFull } = database.health();
      return ok && !diskFull ? 1 : 0;
    }),
  );
  registry.collected(
    'stele_pending_writes',
    'gauge',
    'Writes that wait for their commit.',
    perDatabase((database) => database.health().pendingRequests),
  );
  registry.collected(
    'stele_index_backlog_keys',
    'gauge',
    'Keys of bulk writes that wait in memory for the index tables.',
    perDatabase((database) => database.store.index.backlogKeys),
  );
  registry.collected(
    'stele_disk_free_bytes',
    'gauge',
    'Free space of the data directory.',
    () => databases.system.store.environment.space().free,
  );
  registry.collected(
    'stele_disk_reserve_bytes',
    'gauge',
    'Free space below which writes are refused.',
    () => databases.system.store.environment.space().reserve,
  );
  registry.collected(
    'stele_corruption_alarms_total',
    'counter',
    'Reads that met damaged data and were refused.',
    () => corruptionAlarms(),
  );
  registry.collected(
    'stele_damaged_databases',
    'gauge',
    'Databases that cannot be opened.',
    () => databases.damaged.size,
  );
  const stats: [string, 'counter' | 'gauge', string, () => number][] = [
    ['stele_login_tokens', 'gauge', 'Login tokens that are valid.', () => auth.stats().tokens],
    ['stele_users', 'gauge', 'Users.', () => auth.stats().users],
    [
      'stele_pending_logins',
      'gauge',
      'Password checks under way.',
      () => auth.stats().pendingLogins,
    ],
    ['stele_failed_logins_total', 'counter', 'Failed logins.', () => auth.stats().failedLogins],
    [
      'stele_throttled_logins_total',
      'counter',
      'Logins refused because others had failed just before.',
      () => auth.stats().throttledLogins,
    ],
  ];
  for (const [name, type, help, collect] of stats) registry.collected(name, type, help, collect);
}

function registerScrub(registry: Registry, databases: DatabaseManager): void {
  const scrub = () => databases.scrubStatus;
  const rows: [string, 'counter' | 'gauge', string, () => number][] = [
    ['stele_scrubs_total', 'counter', 'Checks of all stored history.', () => scrub().finished],
    [
      'stele_scrub_last_finished_timestamp_seconds',
      'gauge',
      'When the last one ended; 0 before the first.',
      () => scrub().lastFinishedAt,
    ],
    ['stele_scrub_bytes_total', 'counter', 'Bytes that they read.', () => scrub().bytes],
    ['stele_scrub_problems_total', 'counter', 'Damage that they found.', () => scrub().problems],
  ];
  for (const [name, type, help, collect] of rows) registry.collected(name, type, help, collect);
}

/** The names that tools of this ecosystem read, with the nearest figures that Node has. */
function registerProcess(registry: Registry, startedAt: number): void {
  const heap = (pick: (figures: ReturnType<typeof getHeapStatistics>) => number) => () =>
    pick(getHeapStatistics());
  registry.collected('go_memstats_sys_bytes', 'gauge', 'Resident memory.', () =>
    process.memoryUsage.rss(),
  );
  registry.collected(
    'go_memstats_heap_alloc_bytes',
    'gauge',
    'Bytes of live and dead objects on the heap.',
    heap((figures) => figures.used_heap_size),
  );
  registry.collected(
    'go_memstats_heap_idle_bytes',
    'gauge',
    'Bytes of the heap without objects.',
    heap((figures) => figures.total_heap_size - figures.used_heap_size),
  );
  registry.collected(
    'go_memstats_heap_inuse_bytes',
    'gauge',
    'Bytes of the heap.',
    heap((figures) => figures.total_heap_size),
  );
  registry.collected(
    'go_memstats_stack_inuse_bytes',
    'gauge',
    'Memory outside of the heap that the engine holds.',
    heap((figures) => figures.malloced_memory),
  );
  registry.collected('process_start_time_seconds', 'gauge', 'When the process started.', () =>
    Math.floor(startedAt / 1000),
  );
  registry.collected('process_cpu_seconds_total', 'counter', 'CPU time used.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.collected('process_resident_memory_bytes', 'gauge', 'Resident memory.', () =>
    process.memoryUsage.rss(),
  );
  registry.collected(
    'process_anonymous_memory_bytes',
    'gauge',
    'Resident memory that is not a mapped file; 0 where the system does not tell.',
    anonymousMemory,
  );
}

function anonymousMemory(): number {
  try {
    const match = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return match === null ? 0 : Number(match[1]) * 1024;
  } catch {
    return 0;
  }
}
