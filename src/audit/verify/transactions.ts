import { sha256 } from '../../base/sha256.js';
import { vouchesForTx } from '../catalogue.js';
import { parseNativeEvent } from '../formats/convert.js';
import type { EventData } from '../formats/native.js';
import type { Checkpoint } from '../records.js';

const NO_FILTER = '{}';
const NO_FILTER_HASH = sha256(Buffer.from(NO_FILTER)).toString('hex');
/** Presets that take every write. */
const WITH_WRITES: ReadonlySet<unknown> = new Set(['write', 'all', 'everything']);
/** Gaps that are named. */
const GAPS_MAX = 20;

const TX_ID = /"tx_id":(\d+)/;
const TO_TX = /"to_tx":(\d+)/;
const DATABASE = /"db":("(?:[^"\\]|\\.)*")/;

/** A transaction of a database that no event names, although the rules of the time say that one must. */
export interface UnauditedTxs {
  readonly database: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Whether every committed transaction has its event: from the first that the stream names up to the one
 * that the newest checkpoint vouches for. Nothing is said while a filter or a preset leaves writes out, nor
 * of streams that are not in the native format.
 */
export class TransactionCheck {
  readonly #ranges = new Map<string, Ranges>();
  #rulesTakeWrites: boolean | undefined;

  /** One line of the stream, in their order. */
  line(name: string, text: string): void {
    if (name === 'audit.opened') this.#opened(dataOf(text));
    else if (name === 'audit.config_changed') this.#changed(dataOf(text));
    else if (name === 'database.delete') this.#deleted(dataOf(text));
    else if (vouchesForTx(name, false)) this.#tx(text);
  }

  #opened({ events, filter_hash: filter }: EventData): void {
    this.#narrow(WITH_WRITES.has(events) && filter === NO_FILTER_HASH);
  }

  #changed({ changes, filter_new: filter }: EventData): void {
    const { events } = changes as { readonly events?: readonly unknown[] };
    this.#narrow((events === undefined || WITH_WRITES.has(events[1])) && filter === NO_FILTER);
  }

  /** What was left out once cannot be told from what is missing. */
  #narrow(takesWrites: boolean): void {
    this.#rulesTakeWrites = this.#rulesTakeWrites !== false && takesWrites;
  }

  #deleted({ target_db: name, outcome }: EventData): void {
    if (outcome === 'success' && typeof name === 'string') this.#ranges.delete(name);
  }

  #tx(text: string): void {
    const [, id] = TX_ID.exec(text) ?? [];
    const [, quoted] = DATABASE.exec(text) ?? [];
    if (id === undefined || quoted === undefined || text.includes('"read_only":true')) return;
    const name = JSON.parse(quoted) as string;
    const ranges = this.#ranges.get(name) ?? new Ranges();
    this.#ranges.set(name, ranges);
    ranges.add(Number(id), Number(TO_TX.exec(text)?.[1] ?? id));
  }

  /** @returns undefined when nothing can be said */
  result(
    checkpoint: Checkpoint | undefined,
  ): { readonly checked: number; readonly missing: readonly UnauditedTxs[] } | undefined {
    if (this.#rulesTakeWrites !== true || checkpoint === undefined) return undefined;
    let checked = 0;
    const missing: UnauditedTxs[] = [];
    for (const [database, upTo] of Object.entries(checkpoint.watermarks)) {
      const ranges = this.#ranges.get(database);
      if (ranges === undefined || ranges.first > upTo) continue;
      checked += upTo - ranges.first + 1;
      for (const gap of ranges.gaps(upTo)) missing.push({ database, ...gap });
    }
    return { checked, missing: missing.slice(0, GAPS_MAX) };
  }
}

function dataOf(text: string): EventData {
  return parseNativeEvent(text)?.event_data ?? {};
}

/** Numbers that mostly rise, as ranges. */
class Ranges {
  /** In their order, without touching each other. */
  readonly #all: { from: number; to: number }[] = [];

  get first(): number {
    return this.#all[0]?.from ?? Number.POSITIVE_INFINITY;
  }

  add(from: number, to: number): void {
    let at = this.#all.length;
    while (at > 0 && (this.#all[at - 1]?.from ?? 0) > from) at--;
    this.#all.splice(at, 0, { from, to });
    this.#join(at);
    if (at > 0) this.#join(at - 1);
  }

  /** Takes into a range what touches it behind. */
  #join(at: number): void {
    const one = this.#all[at];
    for (let next = this.#all[at + 1]; one && next; next = this.#all[at + 1]) {
      if (next.from > one.to + 1) return;
      one.to = Math.max(one.to, next.to);
      this.#all.splice(at + 1, 1);
    }
  }

  *gaps(upTo: number): Generator<{ from: number; to: number }> {
    let expected = this.first;
    for (const { from, to } of this.#all) {
      if (expected > upTo) return;
      if (from > expected) yield { from: expected, to: Math.min(from - 1, upTo) };
      expected = Math.max(expected, to + 1);
    }
    if (expected <= upTo) yield { from: expected, to: upTo };
  }
}
