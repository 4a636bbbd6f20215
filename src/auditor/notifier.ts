import { createHash, createHmac } from 'node:crypto';
import { messageOf } from '../base/errors.js';
import type { SignedState } from '../client/index.js';
import type { Alarm } from './alarm.js';
import type { AuditLog, NotificationOptions } from './options.js';
import { type Letter, Outbox } from './outbox.js';

const TIMEOUT_MS = 5000;
const ACCEPTED: ReadonlySet<number> = new Set([200, 201, 202, 204]);
/** Between two tries while the receiver acknowledges nothing. */
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 300_000;
/** Characters of an answer that is no acknowledgement. */
const SHOWN_MAX = 200;

/** What a check found, for the receiver. */
export interface Notification {
  readonly server: string;
  readonly database: string;
  readonly runAt: Date;
  readonly previous: SignedState | undefined;
  readonly current: SignedState | undefined;
  readonly alarm: Alarm | undefined;
  /** Whether it is kept until it is acknowledged. An alarm always is. */
  readonly lasting: boolean;
}

interface NotifierOptions extends NotificationOptions {
  /** Keeps what is not acknowledged. */
  readonly folder: string;
  readonly log: AuditLog;
}

/**
 * Posts what checks found. What must not be lost is written to disk first and stays there until the receiver
 * has acknowledged it; of what repeats, the newest is kept. While nothing is acknowledged the receiver is
 * asked ever more seldom, so that it never holds up the audits.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #outbox: Outbox;
  /** Without what may stand in the address to log in. */
  readonly #shownUrl: string;
  #retryMs = RETRY_MS_MIN;
  #retry: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(options: NotifierOptions, outbox: Outbox) {
    this.#options = options;
    this.#outbox = outbox;
    const url = new URL(options.url);
    url.username = '';
    url.password = '';
    this.#shownUrl = url.href;
  }

  /** Goes on with what was not acknowledged before. */
  static async open(options: NotifierOptions): Promise<Notifier> {
    const notifier = new Notifier(options, await Outbox.open(options.folder, options.log));
    if (notifier.pending > 0) void notifier.#inTurn(() => notifier.#flush());
    return notifier;
  }

  /** Notifications that wait for their acknowledgement. */
  get pending(): number {
    return this.#outbox.size;
  }

  /** Never throws: what went wrong is in the log, and what must not be lost on disk. */
  tell(notification: Notification): Promise<void> {
    return this.#inTurn(() => this.#tellNow(notification));
  }

  /** Waits for the try that is under way. */
  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#last;
  }

  /** One after the other, so that a receiver sees them in their order. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work).catch((error: unknown) => {
      this.#options.log('ERROR', `notifications: ${messageOf(error)}`);
    });
    return this.#last;
  }

  async #tellNow(notification: Notification): Promise<void> {
    const { alarm, database, server, runAt, lasting } = notification;
    const letter: Letter = {
      about: JSON.stringify([server, database, alarm?.kind ?? '']),
      at: runAt.getTime(),
      database,
      fields: fieldsOf(notification, this.#options.hashes),
    };
    if (!lasting && alarm === undefined) return this.#tellOnce(letter);
    try {
      await this.#outbox.put(letter);
    } catch (error) {
      this.#options.log('ERROR', `a notification is in memory only: ${messageOf(error)}`);
    }
    if (this.#retry === undefined) await this.#flush();
  }

  async #tellOnce(letter: Letter): Promise<void> {
    if (this.#retry === undefined && this.pending > 0) await this.#flush();
    if (this.#retry === undefined) {
      if (!(await this.#post(letter))) this.#retryLater();
      return;
    }
    const text = 'was not sent: the receiver acknowledges nothing';
    this.#options.log('WARNING', `audit notification for db ${letter.database} ${text}`);
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const letter of this.#outbox.waiting()) {
      if (!(await this.#post(letter))) return this.#retryLater();
      await this.#outbox.remove(letter);
    }
    this.#retryMs = RETRY_MS_MIN;
  }

  #retryLater(): void {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#inTurn(() => this.#flush()), this.#retryMs).unref();
    this.#retryMs = Math.min(RETRY_MS_MAX, 2 * this.#retryMs);
  }

  /** @returns whether it was acknowledged */
  async #post(letter: Letter): Promise<boolean> {
    const { log, url, username, password } = this.#options;
    const body = JSON.stringify({ username, password, ...letter.fields });
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: this.#headers(letter, body),
        body,
        // Credentials go to the address that was given, and to no other.
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await answer.text();
      if (!ACCEPTED.has(answer.status)) throw new Error(this.#refusal(answer, text));
      log(
        'INFO',
        `audit notification for db ${letter.database} has been published at ${this.#shownUrl}`,
      );
      return true;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = `POST ${this.#shownUrl}: ${messageOf(cause)}`;
      log('ERROR', `error publishing audit notification for db ${letter.database}: ${reason}`);
      return false;
    }
  }

  /** What the receiver says may repeat what it was sent. */
  #refusal({ status, statusText }: Response, text: string): string {
    const { password, secret } = this.#options;
    let shown = text.trim();
    for (const hidden of [password, secret ?? '']) {
      if (hidden !== '') shown = shown.replaceAll(hidden, '***');
    }
    return (
      `got unexpected response status ${status} ${statusText} ` +
      `with response body ${shown.slice(0, SHOWN_MAX)}`
    );
  }

  #headers({ about, at }: Letter, body: string): Record<string, string> {
    const { username, password, secret } = this.#options;
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const signature = secret === undefined ? '' : signatureOf(secret, body);
    return {
      'Content-Type': 'application/json',
      // The same for each try, so that a receiver can tell a repetition.
      'X-Stele-Delivery': createHash('sha256').update(`${about}\n${at}`).digest('hex').slice(0, 32),
      ...(username === '' ? {} : { Authorization: `Basic ${basic}` }),
      ...(signature === '' ? {} : { 'X-Stele-Signature': signature }),
    };
  }
}

/** `sha256=` and the HMAC-SHA-256 of the body in hexadecimal. */
export function signatureOf(secret: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** The body without the credentials, which are not written to disk. */
function fieldsOf(
  { server, database, runAt, previous, current, alarm }: Notification,
  hashes: NotificationOptions['hashes'],
): Letter['fields'] {
  return {
    db: database,
    run_at: runAt.toISOString(),
    tampered: alarm !== undefined && alarm.kind !== 'outage',
    previous_state: stateFields(previous, hashes),
    current_state: stateFields(current, hashes),
    ...(alarm === undefined ? {} : { server, alarm }),
  };
}

function stateFields(state: SignedState | undefined, hashes: NotificationOptions['hashes']) {
  const text = (bytes: Uint8Array | undefined, encoding: 'base64' | 'hex') =>
    Buffer.from(bytes ?? []).toString(encoding);
  return {
    tx: state?.txId ?? 0,
    hash: text(state?.txHash, hashes),
    signature: {
      signature: text(state?.signature?.signature, 'base64'),
      public_key: text(state?.signature?.publicKey, 'base64'),
    },
  };
}
