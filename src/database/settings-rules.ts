import { INDEX_KEY_BYTES_MAX, TX_ENTRIES_MAX } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import type { DatabaseSettings, DatabaseSettingsUpdate } from './settings.js';
import type { HeaderVersionSetting } from './types.js';

/** What a database gets that was made without settings. */
export interface SettingsDefaults {
  readonly maxKeyLen: number;
  readonly maxValueLen: number;
  readonly maxTxEntries: number;
  readonly writeTxHeaderVersion: HeaderVersionSetting;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** A value length is kept in 32 bits. */
const VALUE_LEN_MAX = 0xffff_ffff;

/** What is fixed at creation, with the names that texts of the protocol have for it, in their order. */
const FIXED = [
  ['fileSize', 'file size'],
  ['maxKeyLen', 'max key length'],
  ['maxValueLen', 'max value length'],
  ['maxTxEntries', 'max number of entries per transaction'],
  ['embeddedValues', 'embedded values'],
  ['preallocFiles', 'prealloc files'],
  ['indexSettings.maxNodeSize', 'max node size'],
] as const;

function invalid(reason: string): DatabaseError {
  return new DatabaseError('invalidSettings', `illegal arguments: ${reason}`);
}

export function defaultSettings(defaults: SettingsDefaults): DatabaseSettings {
  return {
    ...defaults,
    excludeCommitTime: false,
    autoload: true,
    readOnly: false,
    retentionPeriodMs: 0,
    truncationFrequencyMs: DAY_MS,
    kept: {},
  };
}

/** Settings of a new database. @throws DatabaseError `invalidSettings` */
export function newSettings(
  defaults: SettingsDefaults,
  update: DatabaseSettingsUpdate,
): DatabaseSettings {
  const settings = merge(defaultSettings(defaults), update);
  check(settings);
  return settings;
}

/** @throws DatabaseError `invalidSettings` for what cannot change any more, or out of range */
export function updatedSettings(
  name: string,
  current: DatabaseSettings,
  update: DatabaseSettingsUpdate,
): DatabaseSettings {
  const asked = new Set(Object.keys({ ...update, ...update.kept }));
  for (const [field, text] of FIXED) {
    if (!asked.has(field)) continue;
    throw invalid(`${text} can not be changed after database creation ('${name}')`);
  }
  const before = current.writeTxHeaderVersion;
  const after = update.writeTxHeaderVersion;
  if (after !== undefined && before === 1 && after !== 1) {
    throw invalid(`writeTxHeaderVersion can not go back from 1 ('${name}')`);
  }
  const settings = merge(current, update);
  check(settings);
  return settings;
}

function merge(settings: DatabaseSettings, update: DatabaseSettingsUpdate): DatabaseSettings {
  return { ...settings, ...update, kept: { ...settings.kept, ...update.kept } };
}

function inRange(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw invalid(`invalid ${name}: ${value}; it must be from ${min} to ${max}`);
}

function check(settings: DatabaseSettings): void {
  inRange('maxKeyLen', settings.maxKeyLen, 1, INDEX_KEY_BYTES_MAX);
  inRange('maxValueLen', settings.maxValueLen, 1, VALUE_LEN_MAX);
  inRange('maxTxEntries', settings.maxTxEntries, 1, TX_ENTRIES_MAX);
  const { retentionPeriodMs, truncationFrequencyMs } = settings;
  if (retentionPeriodMs !== 0) {
    inRange('retentionPeriod', retentionPeriodMs, DAY_MS, Number.MAX_SAFE_INTEGER);
  }
  inRange('truncationFrequency', truncationFrequencyMs, HOUR_MS, Number.MAX_SAFE_INTEGER);
}
