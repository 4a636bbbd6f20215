import type { AuditEvent } from '../event.js';
import type { EventFilter } from '../event-filter.js';
import { atypeOf, MONGO_ALIASES, withAliases } from '../formats/mongo.js';

import type { Document } from './matcher.js';
import { selectStatically, testsOf } from './static.js';
import { type Filter, parseFilter } from './tree.js';

/**
 * Compiles a filter in the query language of MongoDB. The first call loads the libraries that run it, so
 * a server without a filter never has them in memory. The fields are those of the native event, and the
 * names of MongoDB's events (`atype`, `users`, `param` and so on) beside them.
 *
 * @param source text, or an object from a configuration file
 * @throws FilterError with the place and what is allowed there
 */
export async function compileFilter(source: string | object): Promise<EventFilter> {
  const text = typeof source === 'string' ? source : JSON.stringify(source);
  const filter = parseFilter(text);
  const { makeMatcher } = await import('./matcher.js');
  const matches = makeMatcher(filter, text);
  const tests = testsOf(filter);
  const testOf = new Map(tests.map((test) => [test, makeMatcher(test, text)]));
  const aliases = MONGO_ALIASES.filter((name) => mentions(filter, name));
  return {
    text,
    matches: (event) =>
      matches(asDocument(aliases.length > 0 ? withAliases(event, aliases) : event)),
    select(eventName, readOnly) {
      const known: Record<string, unknown> = { event_name: eventName, atype: atypeOf(eventName) };
      if (readOnly !== undefined) known.read_only = readOnly;
      return selectStatically(filter, known, testOf);
    },
  };
}

function asDocument(event: AuditEvent): Document {
  return event as unknown as Document;
}

function mentions(filter: Filter, name: string): boolean {
  return testsOf(filter).some(
    (test) => test.kind === 'test' && test.path.split('.', 1)[0] === name,
  );
}
