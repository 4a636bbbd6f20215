import type { Selection } from '../event-filter.js';
import type { Document, Matcher } from './matcher.js';
import type { Filter } from './tree.js';

/** @param testOf compiled tests of single fields */
export function selectStatically(
  filter: Filter,
  known: Document,
  testOf: ReadonlyMap<Filter, Matcher>,
): Selection {
  if (filter.kind === 'test') {
    // A dotted path could lead through an unknown field; only whole fields are known.
    if (!Object.hasOwn(known, filter.path)) return 'maybe';
    return testOf.get(filter)?.(known) ? 'always' : 'never';
  }
  const parts = filter.of.map((part) => selectStatically(part, known, testOf));
  if (filter.kind === 'and') return both(parts, 'never', 'always');
  const some = both(parts, 'always', 'never');
  if (filter.kind === 'or' || some === 'maybe') return some;
  return some === 'always' ? 'never' : 'always';
}

/** `decides` when one part says so, `else` when all say that. */
function both(parts: readonly Selection[], decides: Selection, otherwise: Selection): Selection {
  if (parts.includes(decides)) return decides;
  return parts.every((part) => part === otherwise) ? otherwise : 'maybe';
}

/** The tests in it, not those inside of `$elemMatch`. */
export function testsOf(filter: Filter): Filter[] {
  return filter.kind === 'test' ? [filter] : filter.of.flatMap(testsOf);
}
