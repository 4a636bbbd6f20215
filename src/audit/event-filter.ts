import type { AuditEvent } from './event.js';

/** What a filter says about all events of one name. */
export type Selection = 'never' | 'always' | 'maybe';

/** Decides which events are written. */
export interface EventFilter {
  /** As it was given. */
  readonly text: string;
  /** Must not throw. */
  matches(event: AuditEvent): boolean;
  /**
   * What can be said of all events with this name: one that is `never` selected is never made.
   * @param readOnly undefined when not all events of the name agree
   */
  select(eventName: string, readOnly?: boolean): Selection;
}

/** Makes a filter of what an operator wrote. @throws with the place of what is wrong */
export type FilterCompiler = (text: string) => Promise<EventFilter>;
