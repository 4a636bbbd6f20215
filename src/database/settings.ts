import type { HeaderVersionSetting } from './types.js';

/**
 * Settings of one database. The first group is honoured; the rest belongs to the storage engine of the
 * original and is kept and given back unchanged, without effect.
 */
export interface DatabaseSettings {
  /** Bytes of a stored key, its prefix byte included. Fixed at creation. */
  readonly maxKeyLen: number;
  /** Bytes of a stored value, its prefix byte included. Fixed at creation. */
  readonly maxValueLen: number;
  /** Fixed at creation. */
  readonly maxTxEntries: number;
  /** Transactions carry time 0 instead of the time of their commit. */
  readonly excludeCommitTime: boolean;
  readonly writeTxHeaderVersion: HeaderVersionSetting;
  /** Opened when the server starts. */
  readonly autoload: boolean;
  readonly readOnly: boolean;
  /** Milliseconds; 0 keeps values for ever. */
  readonly retentionPeriodMs: number;
  readonly truncationFrequencyMs: number;
  /** Settings without effect here, by their name on the wire (dotted for nested ones). */
  readonly kept: Readonly<Record<string, number | boolean | string>>;
}

/** Only what is present changes. Names of `kept` as above. */
export interface DatabaseSettingsUpdate {
  readonly maxKeyLen?: number;
  readonly maxValueLen?: number;
  readonly maxTxEntries?: number;
  readonly excludeCommitTime?: boolean;
  readonly writeTxHeaderVersion?: HeaderVersionSetting;
  readonly autoload?: boolean;
  readonly readOnly?: boolean;
  readonly retentionPeriodMs?: number;
  readonly truncationFrequencyMs?: number;
  readonly kept?: Readonly<Record<string, number | boolean | string>>;
}
