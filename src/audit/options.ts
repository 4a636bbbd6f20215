import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Database, Databases } from '../database/index.js';
import type { Preset } from './catalogue.js';
import type { LineFormat } from './line.js';
import type { Retention } from './sealer.js';
import type { EventKind, SelectionRules } from './selection.js';
import type { NamedSink } from './sinks/sinks.js';
import type { SpaceLimits } from './space.js';

/** What becomes of calls while the stream cannot be written. */
export const FAILURE_POLICIES = ['reject', 'read_only', 'shutdown', 'ignore'] as const;

export type FailurePolicy = (typeof FAILURE_POLICIES)[number];

export interface AuditLogOptions {
  /** Of the live file. */
  readonly path: string;
  readonly format: LineFormat;
  readonly rules: SelectionRules;
  /** All events that calls can leave. */
  readonly kinds: readonly EventKind[];
  readonly databases: Databases;
  /** Where seals and checkpoints go. */
  readonly sealDatabase: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** `event_source` of all events. */
  readonly eventSource: string;
  /** Bytes of events in memory from which calls wait. */
  readonly queueBytesMax: number;
  /** False leaves it to the system when lines reach the disk. */
  readonly sync: boolean;
  readonly rotateBytes: number;
  /** Milliseconds; 0 is off. */
  readonly rotateIntervalMs: number;
  readonly rotateOnStart: boolean;
  readonly compress: boolean;
  readonly retention: Retention;
  readonly checkpointIntervalMs: number;
  readonly space: SpaceLimits;
  readonly onFailure: FailurePolicy;
  /** Milliseconds for which a call that is done waits for a stream that cannot be written. */
  readonly blockTimeoutMs: number;
  /** Of one line; optional members of longer ones are left out. */
  readonly eventBytesMax: number;
  /** Second places for the lines. */
  readonly sinks: readonly NamedSink[];
  /** Name of the sink that must have taken an event before its call is answered. */
  readonly requiredSink: string | undefined;
  /** True refuses every change until the next start. */
  readonly locked: boolean;
  /** The policy `shutdown` asks for the end of the process. */
  onFatal(error: unknown): void;
}

export interface AuditStats {
  /** By name and outcome, tab between them. */
  readonly events: ReadonlyMap<string, number>;
  readonly rotations: ReadonlyMap<string, number>;
  readonly filtered: number;
  readonly dropped: number;
  readonly queueBytes: number;
  readonly bytes: number;
  readonly lastCheckpointSeq: number;
  readonly freeBytes: number;
  readonly suspended: boolean;
  readonly seq: number;
  /** How the last verification through the server ended. */
  readonly verifyOk: boolean | undefined;
  /** By name: lines on disk that the sink has not taken. */
  readonly sinkLags: ReadonlyMap<string, number>;
}

/** What is set at run time, and what those must know who set it. */
export interface AuditSettings {
  readonly events: Preset;
  /** `{}` takes everything. */
  readonly filter: string;
  readonly locked: boolean;
  /** Of the live file. */
  readonly path: string;
  readonly format: string;
  readonly fileNo: number;
  /** Of the last line on disk. */
  readonly seq: number;
}

/** Who changes a setting, and by what way. */
export interface ChangeOrigin {
  readonly origin: 'signal' | 'admin';
  /** Undefined for the server itself. */
  readonly user?: string;
}

/** Told of each batch: lines, bytes, seconds until it was on disk. */
export type BatchObserver = (events: number, bytes: number, seconds: number) => void;
