import { Context } from 'mingo/core';
import { $size } from 'mingo/operators/query/array';
import { $eq, $gt, $gte, $lt, $lte } from 'mingo/operators/query/comparison';
import { $exists, $type } from 'mingo/operators/query/element';
import { $and, $nor, $or } from 'mingo/operators/query/logical';
import { Query } from 'mingo/query';
import { resolve } from 'mingo/util';
import { RE2JS, RE2JSSyntaxException } from 're2js';
import { messageOf } from '../../base/errors.js';
import { FilterError } from './errors.js';
import { FILTER_SUBJECT_MAX } from './limits.js';
import { ELEMENT, type Filter, type Test } from './tree.js';

/**
 * Runs a filter on mingo in a context that has the operators below and no others: nothing in it runs code,
 * and regular expressions go to an engine whose time is linear in the text. Loading this module loads
 * both libraries, so it is imported when the first filter is compiled.
 */

export type Document = Readonly<Record<string, unknown>>;
export type Matcher = (document: Document) => boolean;

type Criteria = Record<string, unknown>;

/** mingo copies criteria; an instance of a class goes through as it is. */
class LinearPattern {
  readonly #pattern: RE2JS;

  constructor(pattern: RE2JS) {
    this.#pattern = pattern;
  }

  matches(value: unknown): boolean {
    return (
      typeof value === 'string' && value.length <= FILTER_SUBJECT_MAX && this.#pattern.test(value)
    );
  }
}

const REGEX = '$linear';

function linearRegex(path: string, pattern: unknown): Matcher {
  if (!(pattern instanceof LinearPattern)) throw new TypeError('expected a compiled pattern');
  return (document) => {
    const value = resolve(document as never, path, { unwrapArray: true }) as unknown;
    return Array.isArray(value)
      ? value.flat().some((element) => pattern.matches(element))
      : pattern.matches(value);
  };
}

class ElementMatcher {
  readonly #matches: Matcher;
  readonly #self: boolean;

  /** @param self whether an element is tested as `ELEMENT` of a document made for it */
  constructor(matches: Matcher, self: boolean) {
    this.#matches = matches;
    this.#self = self;
  }

  matches(element: unknown): boolean {
    if (this.#self) return this.#matches({ [ELEMENT]: element });
    return typeof element === 'object' && element !== null && this.#matches(element as Document);
  }
}

const SOME = '$some';

function someElement(path: string, matcher: unknown): Matcher {
  if (!(matcher instanceof ElementMatcher)) throw new TypeError('expected a compiled filter');
  return (document) => {
    const value = resolve(document as never, path, { unwrapArray: true }) as unknown;
    return Array.isArray(value) && value.some((element) => matcher.matches(element));
  };
}

const AMONG = '$among';

/** In place of mingo's `$in`, which hashes what it compares and throws on an object that holds a null. */
function amongScalars(path: string, members: unknown): Matcher {
  if (!(members instanceof Members)) throw new TypeError('expected a list of members');
  return (document) => {
    const value = resolve(document as never, path, { unwrapArray: true }) as unknown;
    return Array.isArray(value)
      ? value.flat().some((element) => members.has(element))
      : members.has(value ?? null);
  };
}

class Members {
  readonly #set: ReadonlySet<unknown>;

  constructor(values: readonly unknown[]) {
    this.#set = new Set(values);
  }

  has(value: unknown): boolean {
    return this.#set.has(value);
  }
}

const CONTEXT = Context.init({
  query: {
    $and,
    $or,
    $nor,
    $eq,
    $gt,
    $gte,
    $lt,
    $lte,
    $exists,
    $size,
    $type,
    [REGEX]: linearRegex as never,
    [SOME]: someElement as never,
    [AMONG]: amongScalars as never,
  },
});

const OPTIONS = { context: CONTEXT, scriptEnabled: false } as const;

/**
 * @param text for errors that point into it
 * @throws FilterError for a regular expression that the engine refuses
 */
export function makeMatcher(filter: Filter, text: string): Matcher {
  const query = new Query(criteriaOf(filter, text) as never, OPTIONS);
  return (document) => query.test(document as never);
}

function criteriaOf(filter: Filter, text: string): Criteria {
  if (filter.kind === 'test') return { [filter.path]: operatorOf(filter.test, text) };
  // mingo takes an empty list for true as well as for false; `{}` matches everything.
  if (filter.of.length === 0) return {};
  return { [`$${filter.kind}`]: filter.of.map((part) => criteriaOf(part, text)) };
}

function operatorOf(test: Test, text: string): Criteria {
  if (test.op === '$regex') return { [REGEX]: compileRegex(test, text) };
  if (test.op === '$in') return { [AMONG]: new Members(test.value) };
  if (test.op !== '$elemMatch') return { [test.op]: test.value };
  return { [SOME]: new ElementMatcher(makeMatcher(test.filter, text), test.self) };
}

function compileRegex(test: Extract<Test, { op: '$regex' }>, text: string): LinearPattern {
  let flags = 0;
  if (test.flags.includes('i')) flags |= RE2JS.CASE_INSENSITIVE;
  if (test.flags.includes('m')) flags |= RE2JS.MULTILINE;
  if (test.flags.includes('s')) flags |= RE2JS.DOTALL;
  try {
    return new LinearPattern(RE2JS.compile(test.source, flags));
  } catch (error) {
    const why = error instanceof RE2JSSyntaxException ? error.getDescription() : messageOf(error);
    throw new FilterError(
      'filterOperand',
      text,
      test.at,
      `${why}; regular expressions are those of RE2, without look-around and back-references`,
    );
  }
}
