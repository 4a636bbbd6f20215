import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { lineHash } from '../../src/audit/chain.js';
import type { SealedEvent } from '../../src/audit/event.js';

export interface StreamContent {
  readonly events: readonly SealedEvent[];
  /** All bytes of all files of the folder but the key and the reserve. */
  readonly text: string;
  /** What is wrong with the chain, by line. */
  readonly broken: readonly string[];
  readonly files: readonly string[];
}

/** Reads a stream in the order of its files, by nothing but what FORMAT.md says. */
export function readStream(folder: string): StreamContent {
  const names = readdirSync(folder);
  const closed = names
    .filter((name) => /^audit\.\d{8}T\d{6}Z\.\d{10}\.json(\.gz)?$/.test(name))
    .filter((name) => !(name.endsWith('.gz') && names.includes(name.slice(0, -3))))
    .sort((a, b) => (fileNo(a) < fileNo(b) ? -1 : 1));
  const files = [...closed, ...names.filter((name) => name === 'audit.json')];
  const events: SealedEvent[] = [];
  const broken: string[] = [];
  let text = '';
  let prev = '0'.repeat(64);
  for (const name of files) {
    const bytes = readFileSync(path.join(folder, name));
    const content = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    text += content;
    const lines = content.split('\n');
    if (lines.pop() !== '') broken.push(`${name}: the last line does not end`);
    for (const line of lines) {
      const event = JSON.parse(line) as SealedEvent;
      if (event.seq !== events.length + 1) broken.push(`${name}: seq ${event.seq}`);
      if (event.prev !== prev) broken.push(`${name}: prev of ${event.seq}`);
      prev = lineHash(line);
      events.push(event);
    }
  }
  return { events, text, broken, files };
}

function fileNo(name: string): string {
  return name.split('.')[2] ?? '';
}

/** Transactions of a database that events vouch for, each with how often. */
export function auditedTxs(events: readonly SealedEvent[], database: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const { event_data: data, event_name: name, read_only: readOnly } of events) {
    if (data.db !== database || typeof data.tx_id !== 'number') continue;
    if (name !== 'tx.recovered' && (readOnly || !name.startsWith('kv.'))) continue;
    const to = typeof data.to_tx === 'number' ? data.to_tx : data.tx_id;
    for (let id = data.tx_id; id <= to; id++) found.set(id, (found.get(id) ?? 0) + 1);
  }
  return found;
}
