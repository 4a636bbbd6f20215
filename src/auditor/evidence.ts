import path from 'node:path';
import { DurableAppender } from '../base/durable-file.js';
import type { SignedState } from '../client/index.js';
import type { Alarm } from './alarm.js';

/** What an alarm is about. */
export interface Finding {
  readonly server: string;
  readonly address: string;
  readonly database: string;
  readonly alarm: Alarm;
  readonly previous: SignedState | undefined;
  readonly current: SignedState | undefined;
}

/**
 * `alarms.jsonl`: what was found wrong, with the states as the server gave them, for whoever must show it to
 * others; two signed states that contradict each other convict the owner of the key. Only appended to, and
 * an alarm that repeats with every cycle is there once.
 */
export class Evidence {
  readonly #file: string;
  readonly #last = new Map<string, string>();

  constructor(folder: string) {
    this.#file = path.join(folder, 'alarms.jsonl');
  }

  async keep(finding: Finding, at: Date): Promise<void> {
    const { server, address, database, alarm } = finding;
    const previous = stateText(finding.previous);
    const current = stateText(finding.current);
    const content = JSON.stringify({ ...alarm, previous, current });
    const about = `${address}\n${database}`;
    if (this.#last.get(about) === content) return;
    this.#last.set(about, content);
    const record = { at: at.toISOString(), server, address, database, ...alarm, previous, current };
    const appender = await DurableAppender.open(this.#file);
    try {
      await appender.append(`${JSON.stringify(record)}\n`);
    } finally {
      await appender.close();
    }
  }

  /** The same alarm would be a new one. */
  over(address: string, database: string): void {
    this.#last.delete(`${address}\n${database}`);
  }
}

function stateText(state: SignedState | undefined): object | undefined {
  if (state === undefined) return undefined;
  const { txId, txHash, signature } = state;
  return {
    txId,
    txHash: Buffer.from(txHash).toString('hex'),
    ...(signature && {
      signature: Buffer.from(signature.signature).toString('base64'),
      publicKey: Buffer.from(signature.publicKey).toString('base64'),
    }),
  };
}
