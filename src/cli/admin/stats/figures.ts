import type { Metrics, Sample } from './metrics.js';

export interface MethodFigures {
  readonly name: string;
  readonly calls: number;
  /** Seconds of all calls together. */
  readonly seconds: number;
}

export interface ClientFigures {
  readonly address: string;
  readonly calls: number;
  /** Unix seconds; undefined when the server does not tell. */
  readonly lastAt: number | undefined;
}

export interface DatabaseFigures {
  readonly name: string;
  /** Id of its last transaction. */
  readonly entries: number;
  readonly bytes: number;
}

/** What the metrics of a server say of it at one moment. */
export interface Figures {
  /** Unix milliseconds. */
  readonly at: number;
  readonly uptimeSeconds: number;
  /** The system database left out, most entries first. */
  readonly databases: readonly DatabaseFigures[];
  readonly clients: readonly ClientFigures[];
  /** By name; empty when the server makes no histograms. */
  readonly methods: readonly MethodFigures[];
  readonly memory: {
    readonly reservedBytes: number;
    readonly inUseBytes: number;
  };
}

const SYSTEM_DATABASE = 'systemdb';

export function figuresFrom(metrics: Metrics, at: number): Figures {
  const samples = (name: string): readonly Sample[] => metrics.get(name) ?? [];
  const single = (name: string): number => samples(name)[0]?.value ?? 0;
  return {
    at,
    uptimeSeconds: single('immudb_uptime_hours') * 3600,
    databases: databasesFrom(
      samples('immudb_number_of_stored_entries'),
      samples('immudb_db_size_bytes'),
    ),
    clients: clientsFrom(
      samples('immudb_number_of_rpcs_per_client'),
      samples('immudb_clients_last_message_at_unix_seconds'),
    ),
    methods: methodsFrom(
      samples('grpc_server_handling_seconds_count'),
      samples('grpc_server_handling_seconds_sum'),
    ),
    memory: {
      reservedBytes: single('go_memstats_sys_bytes'),
      inUseBytes: single('go_memstats_heap_inuse_bytes') + single('go_memstats_stack_inuse_bytes'),
    },
  };
}

/** A server of 0.9 names none: its only figures are those of `defaultdb`. */
function databasesFrom(entries: readonly Sample[], sizes: readonly Sample[]): DatabaseFigures[] {
  return entries
    .map(({ labels: { db = 'defaultdb' }, value }) => ({
      name: db,
      entries: value,
      bytes: sizes.find(({ labels }) => (labels.db ?? 'defaultdb') === db)?.value ?? 0,
    }))
    .filter(({ name }) => name !== SYSTEM_DATABASE)
    .sort((a, b) => b.entries - a.entries || (a.name < b.name ? -1 : 1));
}

function clientsFrom(calls: readonly Sample[], last: readonly Sample[]): ClientFigures[] {
  return calls
    .map(({ labels: { ip = '' }, value }) => ({
      address: ip,
      calls: value,
      lastAt: last.find(({ labels }) => labels.ip === ip)?.value,
    }))
    .sort((a, b) => b.calls - a.calls);
}

function methodsFrom(counts: readonly Sample[], sums: readonly Sample[]): MethodFigures[] {
  const methods = new Map<string, { calls: number; seconds: number }>();
  const of = ({ labels: { grpc_method = '' } }: Sample) => {
    const found = methods.get(grpc_method) ?? { calls: 0, seconds: 0 };
    methods.set(grpc_method, found);
    return found;
  };
  for (const sample of counts) of(sample).calls += sample.value;
  for (const sample of sums) of(sample).seconds += sample.value;
  return [...methods]
    .map(([name, { calls, seconds }]) => ({ name, calls, seconds }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const READS = new Set([
  ...['Get', 'VerifiableGet', 'GetAll', 'Scan', 'ZScan', 'History', 'Count', 'CountAll'],
  ...['TxById', 'VerifiableTxById', 'TxScan', 'CurrentState'],
  ...['streamGet', 'streamVerifiableGet', 'streamScan', 'streamZScan', 'streamHistory'],
]);
const WRITES = new Set([
  ...['Set', 'VerifiableSet', 'SetReference', 'VerifiableSetReference', 'ZAdd', 'VerifiableZAdd'],
  ...['ExecAll', 'Delete', 'streamSet', 'streamVerifiableSet', 'streamExecAll'],
]);

export interface Totals {
  readonly calls: number;
  readonly seconds: number;
}

function total(methods: readonly MethodFigures[], names: ReadonlySet<string>): Totals {
  let calls = 0;
  let seconds = 0;
  for (const method of methods) {
    if (!names.has(method.name)) continue;
    calls += method.calls;
    seconds += method.seconds;
  }
  return { calls, seconds };
}

export function reads({ methods }: Figures): Totals {
  return total(methods, READS);
}

export function writes({ methods }: Figures): Totals {
  return total(methods, WRITES);
}
