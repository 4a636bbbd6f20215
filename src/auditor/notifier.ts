import { createHash, createHmac, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readFileIfExists, removeFileDurably, writeFileDurably } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { SignedState } from '../client/index.js';
import type { Alarm } from './alarm.js';
import type { AuditLevel, NotificationOptions } from './options.js';

const TIMEOUT_MS = 5000;
const ACCEPTED: ReadonlySet<number> = new Set([200, 201, 202, 204]);
/** Between two tries of what was not acknowledged. */
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 300_000;
/** Of an answer that is no acknowledgement. */
const SHOWN_CHARACTERS = 200;

/** What a check found, for the receiver. */
export interface Notification {
  readonly server: string;
  readonly database: string;
  readonly runAt: Date;
  readonly previous: SignedState | undefined;
  readonly current: SignedState | undefined;
  readonly alarm: Alarm | undefined;
}

interface NotifierOptions extends NotificationOptions {
  /** Keeps what is not acknowledged. */
  readonly folder: string;
  log(level: AuditLevel, text: string): void;
}

/**
 * Posts what checks found. An alarm is written to disk first and stays there until the receiver has
 * acknowledged it; of one that repeats, the newest is kept. Other results are told once.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #url: string;
  #retryMs = RETRY_MS_MIN;
  #retry: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
    // Without what may stand in it to log in.
    const url = new URL(options.url);
    url.username = '';
    url.password = '';
    this.#url = url.href;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  }

  /** Alarms that wait for their acknowledgement. */
  get pending(): number {
    return this.#files().length;
  }

  /** Never throws: what went wrong is in the log, and what must not be lost on disk. */
  async tell(notification: Notification): Promise<void> {
    const { alarm, database } = notification;
    if (alarm === undefined) {
      if (this.#options.about === 'every') await this.#post(database, fieldsOf(notification));
      return;
    }
    try {
      await writeFileDurably(this.#fileOf(notification), JSON.stringify(fieldsOf(notification)));
    } catch (error) {
      this.#options.log('ERROR', `a notification could not be kept: ${messageOf(error)}`);
      await this.#post(database, fieldsOf(notification));
      return;
    }
    await this.flush();
  }

  /** Tries what waits, the oldest first, until one is not acknowledged. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flushNow());
    return this.#flushing;
  }

  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#flushing;
  }

  async #flushNow(): Promise<void> {
    clearTimeout(this.#retry);
    for (const name of this.#files()) {
      const file = path.join(this.#options.folder, name);
      const bytes = await readFileIfExists(file);
      if (bytes === undefined) continue;
      const fields = JSON.parse(bytes.toString('utf8')) as ReturnType<typeof fieldsOf>;
      if (!(await this.#post(fields.db, fields))) return this.#retryLater();
      await removeFileDurably(file);
    }
    this.#retryMs = RETRY_MS_MIN;
  }

  #retryLater(): void {
    if (this.#stopped) return;
    this.#retry = setTimeout(() => void this.flush(), this.#retryMs).unref();
    this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs);
  }

  #files(): string[] {
    return readdirSync(this.#options.folder)
      .filter((name) => name.endsWith('.json'))
      .sort();
  }

  #fileOf({ server, database, alarm }: Notification): string {
    const about = `${server}\n${database}\n${alarm?.kind}`;
    const name = createHash('sha256').update(about).digest('hex').slice(0, 32);
    return path.join(this.#options.folder, `${name}.json`);
  }

  /** @returns whether it was acknowledged */
  async #post(database: string, fields: ReturnType<typeof fieldsOf>): Promise<boolean> {
    const { log, url, username, password } = this.#options;
    const body = JSON.stringify({ username, password, ...fields });
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: this.#headers(body),
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = (await answer.text()).slice(0, SHOWN_CHARACTERS);
      if (!ACCEPTED.has(answer.status)) throw new Error(`${answer.status} ${text}`.trimEnd());
      log('INFO', `audit notification for db ${database} has been published at ${this.#url}`);
      return true;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = `POST ${this.#url}: ${messageOf(cause)}`;
      log('ERROR', `error publishing audit notification for db ${database}: ${reason}`);
      return false;
    }
  }

  #headers(body: string): Record<string, string> {
    const { username, password, secret } = this.#options;
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    return {
      'Content-Type': 'application/json',
      'X-Stele-Delivery': randomUUID(),
      ...(username === '' ? {} : { Authorization: `Basic ${basic}` }),
      ...(secret === undefined
        ? {}
        : {
            'X-Stele-Signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
          }),
    };
  }
}

/** The body without the credentials, which are not written to disk. */
function fieldsOf({ server, database, runAt, previous, current, alarm }: Notification) {
  return {
    db: database,
    run_at: runAt.toISOString(),
    tampered: alarm !== undefined,
    previous_state: stateFields(previous),
    current_state: stateFields(current),
    ...(alarm === undefined ? {} : { server, alarm }),
  };
}

function stateFields(state: SignedState | undefined) {
  const base64 = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('base64');
  return {
    tx: state?.txId ?? 0,
    hash: base64(state?.txHash),
    signature: {
      signature: base64(state?.signature?.signature),
      public_key: base64(state?.signature?.publicKey),
    },
  };
}
