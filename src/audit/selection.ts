import { type AuditClass, isAlwaysWritten, type Preset, presetSelects } from './catalogue.js';
import type { AuditEvent } from './event.js';
import type { EventFilter, Selection } from './event-filter.js';

/** A preset and, if there is one, the filter that takes away from it. */
export interface SelectionRules {
  readonly preset: Preset;
  readonly filter: EventFilter | undefined;
}

/** An event name with what is known of all its events. */
export interface EventKind {
  readonly name: string;
  readonly class: AuditClass;
  readonly readOnly: boolean | undefined;
}

/**
 * Which events are written, decided for each name once, so that an event that is never written costs one
 * look into a map.
 */
export class EventSelection {
  readonly rules: SelectionRules;
  readonly #byName = new Map<string, Selection>();
  /** Events of writes of which none is ever written. */
  readonly writesAreLeftOut: boolean;

  constructor(rules: SelectionRules, kinds: Iterable<EventKind>) {
    this.rules = rules;
    const writes: string[] = [];
    for (const kind of kinds) {
      this.#byName.set(kind.name, decide(rules, kind));
      if (kind.class === 'write' && !isAlwaysWritten(kind.name)) writes.push(kind.name);
    }
    this.writesAreLeftOut = writes.every((name) => this.of(name) === 'never');
    if (this.writesAreLeftOut) return;
    // While some writes are written, the others are counted: recovery must know which need no event.
    for (const name of writes) if (this.of(name) === 'never') this.#byName.set(name, 'maybe');
  }

  of(name: string): Selection {
    return this.#byName.get(name) ?? (isAlwaysWritten(name) ? 'always' : 'never');
  }

  takes(event: AuditEvent, eventClass: AuditClass): boolean {
    const known = this.of(event.event_name);
    if (known !== 'maybe') return known === 'always';
    const { preset, filter } = this.rules;
    if (!presetSelects(preset, eventClass, event.event_name)) return false;
    return filter?.matches(event) ?? true;
  }
}

function decide({ preset, filter }: SelectionRules, kind: EventKind): Selection {
  if (isAlwaysWritten(kind.name)) return 'always';
  if (!presetSelects(preset, kind.class, kind.name)) return 'never';
  return filter === undefined ? 'always' : filter.select(kind.name, kind.readOnly);
}
