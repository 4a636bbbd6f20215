import { systemErrorCode } from '../base/durable-file.js';
import type { Database } from '../database/index.js';
import { AuditError } from './errors.js';
import type { SealedEvent } from './event.js';
import { filterText, selectionRules } from './rules.js';
import { databaseSeals } from './verify/database-seals.js';
import { streamEvents } from './verify/read.js';
import type { VerifyReport } from './verify/report.js';
import { verifyAudit } from './verify/verify.js';

export interface AuditReaderOptions {
  /** Of the live file. */
  readonly path: string;
  readonly sealDatabase: Database;
  /** Number of the last line on disk. */
  lastSeq(): number;
}

export interface AuditQuery {
  /** `{}` takes everything. */
  readonly filter: string;
  readonly fromSeq: number;
  /** 0 is any number. */
  readonly limit: number;
}

/** A file that is begun, compressed or deleted meanwhile can be missed; then it is tried again. */
const TRIES_MAX = 10;
/** A stream in which something is wrong is read once more, because reading it may take long. */
const VERDICTS_MAX = 2;

/** Reads the stream of a running server. */
export class AuditReader {
  readonly #options: AuditReaderOptions;
  #verifying: Promise<VerifyReport> | undefined;
  #lastOk: boolean | undefined;

  constructor(options: AuditReaderOptions) {
    this.#options = options;
  }

  /** How the last verification ended; undefined before the first. */
  get lastOk(): boolean | undefined {
    return this.#lastOk;
  }

  /** Everything that is on disk now. Who asks while one is under way gets its result. */
  verify(): Promise<VerifyReport> {
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = undefined;
    });
    return this.#verifying;
  }

  async #verify(): Promise<VerifyReport> {
    const { path, sealDatabase, lastSeq } = this.#options;
    let verdicts = 0;
    for (let tries = 1; ; tries++) {
      try {
        const source = databaseSeals(sealDatabase, sealDatabase.name);
        const report = await verifyAudit({ path, source, lastSeq });
        this.#lastOk = report.ok;
        if (report.ok || ++verdicts === VERDICTS_MAX) return report;
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
        if (tries === TRIES_MAX) throw changing(error);
      }
    }
  }

  /** @throws FilterError; AuditFileError for a stream in another format than `native` */
  async *query({ filter, fromSeq, limit }: AuditQuery): AsyncGenerator<QueriedLine> {
    const rules = await selectionRules('everything', filter || filterText({ filter: undefined }));
    let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    for await (const line of this.#linesFrom(fromSeq)) {
      if (rules.filter?.matches(line.event) === false) continue;
      yield line;
      if (--left === 0) return;
    }
  }

  /** Up to the newest that is on disk now. */
  async *#linesFrom(fromSeq: number): AsyncGenerator<QueriedLine> {
    const { path, lastSeq } = this.#options;
    const last = lastSeq();
    let next = fromSeq;
    for (let tries = 1; ; tries++) {
      try {
        for await (const line of streamEvents(path)) {
          const { seq } = line.event;
          if (seq > last) return;
          if (seq < next) continue;
          next = seq + 1;
          yield line;
        }
        return;
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
        if (tries === TRIES_MAX) throw changing(error);
      }
    }
  }
}

function changing(cause: unknown): AuditError {
  const text = 'files of the stream were begun and closed faster than they could be read';
  return new AuditError('unusable', text, { cause });
}

export interface QueriedLine {
  readonly event: SealedEvent;
  /** As it stands in the file. */
  readonly text: string;
}
