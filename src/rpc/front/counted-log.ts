import type { Log, LogFields } from '../../base/log.js';

/** Between two lines about the same. */
const INTERVAL_MS = 10_000;
/** Subjects with an account of their own; a flood may not make more of them. */
const SUBJECTS_MAX = 100;

interface Subject {
  readonly message: string;
  fields: LogFields;
  /** Events since the last line. */
  pending: number;
  /** Unix milliseconds. */
  writtenAt: number;
}

/** Warnings that strangers cause: the first of a kind at once, then at most one line in ten seconds. */
export class CountedLog {
  readonly #log: Log;
  readonly #subjects = new Map<string, Subject>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param kind tells apart what shares a message */
  warn(message: string, kind: string, fields: LogFields, now: number): void {
    const key = `${message}\n${kind}`;
    const known = this.#subjects.get(key) ?? this.#add(key, message);
    if (known === undefined) return;
    known.pending++;
    known.fields = fields;
    if (now - known.writtenAt >= INTERVAL_MS) this.#write(known, now);
  }

  /** Writes what has gathered and whose time has come. */
  sweep(now: number): void {
    for (const [key, subject] of this.#subjects) {
      if (now - subject.writtenAt < INTERVAL_MS) continue;
      if (subject.pending === 0) this.#subjects.delete(key);
      else this.#write(subject, now);
    }
  }

  #add(key: string, message: string): Subject | undefined {
    if (this.#subjects.size >= SUBJECTS_MAX) return undefined;
    const subject = { message, fields: {}, pending: 0, writtenAt: Number.NEGATIVE_INFINITY };
    this.#subjects.set(key, subject);
    return subject;
  }

  #write(subject: Subject, now: number): void {
    const { message, fields, pending } = subject;
    this.#log.warn(message, pending > 1 ? { ...fields, times: pending } : fields);
    subject.pending = 0;
    subject.writtenAt = now;
  }
}
