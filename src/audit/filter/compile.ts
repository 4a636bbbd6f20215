import { atypeOf, MONGO_ALIASES, mongoAliases } from '../formats/mongo.js';
import type { NativeEvent } from '../formats/native.js';
import type { Document } from './matcher.js';
import { type Selection, selectStatically, testsOf } from './static.js';
import { type Filter, parseFilter } from './tree.js';

export type { Selection } from './static.js';

/** An event before it has its place in the stream. */
export type FilterEvent = Omit<NativeEvent, 'seq' | 'prev'>;

export interface CompiledFilter {
  /** As it was given. */
  readonly text: string;
  matches(event: FilterEvent): boolean;
  /**
   * What can be said of all events with this name: of one that is `never` selected nothing needs to be
   * made. @param readOnly undefined when not all events of the name agree
   */
  select(eventName: string, readOnly?: boolean): Selection;
}

/**
 * Compiles a filter in the query language of MongoDB. The first call loads the libraries that run it, so
 * a server without a filter never has them in memory. The fields are those of the native event, and the
 * names of MongoDB's events (`atype`, `users`, `param` and so on) beside them.
 *
 * @param source text, or an object from a configuration file
 * @throws FilterError with the place and what is allowed there
 */
export async function compileFilter(source: string | object): Promise<CompiledFilter> {
  const text = typeof source === 'string' ? source : JSON.stringify(source);
  const filter = parseFilter(text);
  const { makeMatcher } = await import('./matcher.js');
  const matches = makeMatcher(filter, text);
  const tests = testsOf(filter);
  const testOf = new Map(tests.map((test) => [test, makeMatcher(test, text)]));
  const needsAliases = mentionsAlias(filter);
  return {
    text,
    matches: (event) =>
      matches(needsAliases ? { ...event, ...mongoAliases(event) } : asDocument(event)),
    select(eventName, readOnly) {
      const known: Record<string, unknown> = { event_name: eventName, atype: atypeOf(eventName) };
      if (readOnly !== undefined) known.read_only = readOnly;
      return selectStatically(filter, known, testOf);
    },
  };
}

function asDocument(event: FilterEvent): Document {
  return event as unknown as Document;
}

function mentionsAlias(filter: Filter): boolean {
  return testsOf(filter).some(
    (test) => test.kind === 'test' && MONGO_ALIASES.has(test.path.split('.', 1)[0] as string),
  );
}
