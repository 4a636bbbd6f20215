import type { AuditEvent } from './event.js';
import type { RotationReason } from './stream-files.js';

/** What became of events since the start. */
export class Counters {
  /** Written; by name and outcome, tab between them. */
  readonly events = new Map<string, number>();
  readonly rotations = new Map<string, number>();
  /** Left out by the rules. */
  filtered = 0;
  /** On disk. */
  bytes = 0;

  figures() {
    const { events, rotations, filtered, bytes } = this;
    return { events, rotations, filtered, bytes };
  }

  count({ event_name: name, event_data: { outcome } }: AuditEvent): void {
    add(this.events, `${name}\t${typeof outcome === 'string' ? outcome : 'success'}`);
  }

  rotated(reason: RotationReason): void {
    add(this.rotations, reason);
  }
}

function add(counts: Map<string, number>, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}
