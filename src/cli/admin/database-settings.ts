import { parseDuration } from '../../app/config/units.js';
import { UsageError } from '../kit/errors.js';
import { goDuration } from '../kit/format.js';
import { type OptionRow, optionRow } from '../kit/options.js';
import type { Settings } from '../kit/settings.js';

/** The settings of a database: one table for the flags, the request, and what is shown. */

type Kind = 'switch' | 'number' | 'decimal' | 'duration' | 'text';

interface SettingRow {
  readonly option: OptionRow;
  readonly kind: Kind;
  /** Message and field, or the field of the settings themselves. */
  readonly path: readonly [string] | readonly [string, string];
}

/** Spellings of earlier releases. */
const ALIASES: Readonly<Record<string, string>> = {
  'replication-is-replica': 'replication-enabled',
  'replication-primary-database': 'replication-master-database',
  'replication-primary-host': 'replication-master-address',
  'replication-primary-port': 'replication-master-port',
  'replication-primary-username': 'replication-follower-username',
  'replication-primary-password': 'replication-follower-password',
};

function setting(name: string, kind: Kind, path: SettingRow['path'], summary: string): SettingRow {
  const value = { number: 'NUMBER', decimal: 'NUMBER', duration: 'TIME', text: 'TEXT' };
  const alias = ALIASES[name];
  const option = optionRow(name, kind === 'switch' || kind === 'number' ? kind : 'text', summary, {
    flagOnly: true,
    ...(kind === 'switch' ? {} : { value: value[kind] }),
    ...(alias === undefined ? {} : { aliases: [alias] }),
  });
  return { option, kind, path };
}

const REPLICATION = 'replicationSettings';
const INDEX = 'indexSettings';
const TRUNCATION = 'truncationSettings';
const KEPT = 'Kept by Stele, without effect';

const ROWS: readonly SettingRow[] = [
  setting(
    'replication-is-replica',
    'switch',
    [REPLICATION, 'replica'],
    'Follow another server; refused by Stele',
  ),
  setting(
    'replication-sync-enabled',
    'switch',
    [REPLICATION, 'syncReplication'],
    'Wait for replicas; refused by Stele',
  ),
  setting(
    'replication-sync-acks',
    'number',
    [REPLICATION, 'syncAcks'],
    'How many must confirm; refused by Stele',
  ),
  setting(
    'replication-primary-database',
    'text',
    [REPLICATION, 'primaryDatabase'],
    'Database to follow; refused by Stele',
  ),
  setting(
    'replication-primary-host',
    'text',
    [REPLICATION, 'primaryHost'],
    'Its host; refused by Stele',
  ),
  setting(
    'replication-primary-port',
    'number',
    [REPLICATION, 'primaryPort'],
    'Its port; refused by Stele',
  ),
  setting(
    'replication-primary-username',
    'text',
    [REPLICATION, 'primaryUsername'],
    'User there; refused by Stele',
  ),
  setting(
    'replication-primary-password',
    'text',
    [REPLICATION, 'primaryPassword'],
    'Password of that user; refused by Stele',
  ),
  setting(
    'replication-prefetch-tx-buffer-size',
    'number',
    [REPLICATION, 'prefetchTxBufferSize'],
    KEPT,
  ),
  setting(
    'replication-commit-concurrency',
    'number',
    [REPLICATION, 'replicationCommitConcurrency'],
    KEPT,
  ),
  setting('replication-allow-tx-discarding', 'switch', [REPLICATION, 'allowTxDiscarding'], KEPT),
  setting('replication-skip-integrity-check', 'switch', [REPLICATION, 'skipIntegrityCheck'], KEPT),
  setting('replication-wait-for-indexing', 'switch', [REPLICATION, 'waitForIndexing'], KEPT),
  setting('exclude-commit-time', 'switch', ['excludeCommitTime'], 'Transactions carry no time'),
  setting('autoload', 'switch', ['autoload'], 'Load it when the server starts'),
  setting(
    'write-tx-header-version',
    'number',
    ['writeTxHeaderVersion'],
    'Of new transactions: 0 for clients of 0.9 and 1.1, 1 for later ones',
  ),
  setting('max-key-len', 'number', ['maxKeyLen'], 'Longest key, bytes; fixed at creation'),
  setting('max-value-len', 'number', ['maxValueLen'], 'Longest value, bytes; fixed at creation'),
  setting('max-tx-entries', 'number', ['maxTxEntries'], 'Most entries; fixed at creation'),
  setting(
    'retention-period',
    'duration',
    [TRUNCATION, 'retentionPeriod'],
    'For how long values are kept, such as 48h',
  ),
  setting(
    'truncation-frequency',
    'duration',
    [TRUNCATION, 'truncationFrequency'],
    'How often older values are removed',
  ),
  setting('sync-frequency', 'duration', ['syncFrequency'], KEPT),
  setting('max-commit-concurrency', 'number', ['maxConcurrency'], KEPT),
  setting('write-buffer-size', 'number', ['writeBufferSize'], KEPT),
  setting('read-tx-pool-size', 'number', ['readTxPoolSize'], KEPT),
  setting('embedded-values', 'switch', ['embeddedValues'], KEPT),
  setting('prealloc-files', 'switch', ['preallocFiles'], KEPT),
  setting('file-size', 'number', ['fileSize'], KEPT),
  setting('indexing-flush-threshold', 'number', [INDEX, 'flushThreshold'], KEPT),
  setting('indexing-sync-threshold', 'number', [INDEX, 'syncThreshold'], KEPT),
  setting('indexing-cleanup-percentage', 'decimal', [INDEX, 'cleanupPercentage'], KEPT),
  setting('indexing-cache-size', 'number', [INDEX, 'cacheSize'], KEPT),
  setting('indexing-max-active-snapshots', 'number', [INDEX, 'maxActiveSnapshots'], KEPT),
];

export const SETTING_OPTIONS: readonly OptionRow[] = ROWS.map(({ option }) => option);

/** The flag of `database truncate` too. */
export const RETENTION_OPTION = ROWS.find(({ option }) => option.name === 'retention-period')
  ?.option as OptionRow;

type Value = number | boolean | string;

/** As in the messages of the protocol: what is absent is left as it is. */
export interface SettingsMessage {
  [field: string]: { readonly value: Value } | { [field: string]: { readonly value: Value } };
}

/** @returns milliseconds @throws UsageError */
export function durationFrom(text: string, flag: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  throw new UsageError(`--${flag}: expected a time such as 48h or 20ms, got "${text}"`);
}

function givenValue({ option, kind }: SettingRow, settings: Settings): Value | undefined {
  const { name } = option;
  const text = settings.text(name);
  if (text === undefined) return undefined;
  switch (kind) {
    case 'switch':
      return settings.has(name);
    case 'number':
      return Number(text);
    case 'duration':
      return durationFrom(text, name);
    case 'decimal':
      if (!/^\d+(\.\d+)?$/.test(text)) {
        throw new UsageError(`--${name}: expected a number, got "${text}"`);
      }
      return Number(text);
    case 'text':
      return text;
  }
}

export interface GivenSettings {
  readonly message: SettingsMessage;
  /** `{replica: false, autoload: false}` */
  readonly text: string;
  /** Names of given flags that Stele keeps without effect. */
  readonly withoutEffect: readonly string[];
  /** Flags and values. */
  readonly object: Readonly<Record<string, Value>>;
}

/** The settings that flags give. @throws UsageError */
export function settingsFrom(settings: Settings): GivenSettings {
  const message: SettingsMessage = {};
  const texts: string[] = [];
  const object: Record<string, Value> = {};
  const withoutEffect: string[] = [];
  let replica: Value = false;
  for (const row of ROWS) {
    const value = givenValue(row, settings);
    if (value === undefined) continue;
    const [outer, inner] = row.path;
    if (inner === undefined) message[outer] = { value };
    else message[outer] = { ...message[outer], [inner]: { value } };
    const { name, summary } = row.option;
    if (summary === KEPT) withoutEffect.push(name);
    if (inner === 'replica') replica = value;
    else if (inner !== 'primaryPassword') texts.push(`${name}: ${shown(row.kind, value)}`);
    if (inner !== 'primaryPassword') object[name] = value;
  }
  return {
    message,
    text: `{${[`replica: ${replica}`, ...texts].join(', ')}}`,
    object,
    withoutEffect,
  };
}

function shown(kind: Kind, value: Value): string {
  return kind === 'duration' ? goDuration(value as number) : String(value);
}

export interface ShownSetting {
  /** Of its flag. */
  readonly name: string;
  readonly value: Value;
  readonly text: string;
}

/** What a server tells of a database, in the order of the flags; no password. */
export function settingsShown(message: object): ShownSetting[] {
  const found: ShownSetting[] = [];
  for (const { option, kind, path } of ROWS) {
    let at: unknown = message;
    for (const field of [...path, 'value']) {
      at = typeof at === 'object' && at !== null ? Reflect.get(at, field) : undefined;
    }
    const known = typeof at === 'number' || typeof at === 'boolean' || typeof at === 'string';
    if (!known || path[1] === 'primaryPassword') continue;
    found.push({ name: option.name, value: at as Value, text: shown(kind, at as Value) });
  }
  return found;
}
