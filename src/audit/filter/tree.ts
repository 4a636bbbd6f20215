import { FilterError } from './errors.js';
import {
  FILTER_CLAUSES_MAX,
  FILTER_LIST_MAX,
  FILTER_PATH_NAMES_MAX,
  FILTER_REGEX_MAX,
} from './limits.js';
import { FIELD_OPERATORS, TOP_OPERATORS, TYPES } from './operators.js';
import { type Node, type ObjectNode, parseRelaxedJson, type Scalar } from './relaxed-json.js';

/**
 * A filter in few kinds of nodes: what can be said with others (`$ne`, `$nin`, `$not`, `$all`, regular
 * expressions in lists) is rewritten into them, so that the matcher and the static pass have one meaning.
 */
export type Filter =
  | { readonly kind: 'and' | 'or' | 'nor'; readonly of: readonly Filter[] }
  | { readonly kind: 'test'; readonly path: string; readonly test: Test };

export type Test =
  | { readonly op: '$eq' | '$gt' | '$gte' | '$lt' | '$lte'; readonly value: PlainValue }
  /** Objects and lists among the members of `$in` are tests of their own. */
  | { readonly op: '$in'; readonly value: readonly Scalar[] }
  | { readonly op: '$exists'; readonly value: boolean }
  | { readonly op: '$size'; readonly value: number }
  | { readonly op: '$type'; readonly value: readonly string[] }
  | { readonly op: '$regex'; readonly source: string; readonly flags: string; readonly at: number }
  /** Some element of an array passes; `self` when the paths in it stand under `ELEMENT`. */
  | { readonly op: '$elemMatch'; readonly filter: Filter; readonly self: boolean };

export type PlainValue =
  | string
  | number
  | boolean
  | null
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

/** Path of an element that is tested itself. */
export const ELEMENT = 'element';

/** @throws FilterError with the place */
export function parseFilter(text: string): Filter {
  const node = parseRelaxedJson(text);
  const reader = new Reader(text);
  if (node.kind !== 'object') {
    throw new FilterError('filterSyntax', text, node.at, 'a filter is an object: { field: value }');
  }
  return reader.document(node);
}

class Reader {
  readonly #text: string;
  #clauses = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(node: ObjectNode): Filter {
    const of: Filter[] = [];
    for (const { name, at, value } of node.members) {
      if (name === '$comment') continue;
      if (name === '$and' || name === '$or' || name === '$nor') {
        of.push({
          kind: name === '$and' ? 'and' : name === '$or' ? 'or' : 'nor',
          of: this.#list(value, name),
        });
      } else if (name.startsWith('$')) {
        throw this.#unknown(name, at, TOP_OPERATORS);
      } else of.push(this.#field(this.#path(name, at), value));
    }
    return all(of);
  }

  #list(node: Node, name: string): Filter[] {
    if (node.kind !== 'array' || node.items.length === 0) {
      throw this.#operand(node, `${name} needs a list of at least one filter`);
    }
    return node.items.map((item) => {
      if (item.kind !== 'object') throw this.#operand(item, `${name} has filters as its members`);
      return this.document(item);
    });
  }

  #field(path: string, node: Node): Filter {
    if (node.kind === 'object' && isOperatorDocument(node)) return this.#operators(path, node);
    if (node.kind === 'regex') return this.#regex(path, node.source, node.flags, node.at);
    return this.#equal(path, node);
  }

  #equal(path: string, node: Node): Filter {
    return this.#test(datePath(path, node), { op: '$eq', value: this.#plain(node) }, node.at);
  }

  #operators(path: string, node: ObjectNode): Filter {
    const options = node.members.find(({ name }) => name === '$options');
    const hasRegex = node.members.some(({ name }) => name === '$regex');
    if (options && !hasRegex) {
      throw this.#operand(options.value, '$options stands beside $regex');
    }
    const of = node.members
      .filter((member) => member !== options)
      .map(({ name, at, value }) => this.#operator(path, name, at, value, options?.value));
    return all(of);
  }

  #operator(path: string, name: string, at: number, node: Node, options: Node | undefined): Filter {
    switch (name) {
      case '$eq':
        return this.#equal(path, node);
      case '$ne':
        return not(this.#equal(path, node));
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte':
        return this.#order(path, name, node);
      case '$in':
        return this.#in(path, name, node);
      case '$nin':
        return not(this.#in(path, name, node));
      case '$all':
        return this.#all(path, node);
      case '$not':
        return not(this.#not(path, node));
      case '$regex':
        return this.#regexOperator(path, node, options);
      case '$exists':
        return this.#test(path, { op: '$exists', value: this.#flag(node) }, at);
      case '$size':
        return this.#test(path, { op: '$size', value: this.#size(node) }, at);
      case '$type':
        return this.#test(path, { op: '$type', value: this.#types(node) }, at);
      case '$elemMatch':
        return this.#elemMatch(path, node, at);
      default:
        throw this.#unknown(name, at, FIELD_OPERATORS, path);
    }
  }

  #order(path: string, op: '$gt' | '$gte' | '$lt' | '$lte', node: Node): Filter {
    const value = this.#plain(node);
    if (typeof value !== 'number' && typeof value !== 'string') {
      throw this.#operand(node, `${op} compares with a number, a text or { $date: … }`);
    }
    return this.#test(datePath(path, node), { op, value }, node.at);
  }

  #in(path: string, name: string, node: Node): Filter {
    const items = this.#items(name, node);
    const of: Filter[] = [];
    const scalars: Scalar[] = [];
    for (const item of items) {
      if (item.kind === 'scalar') scalars.push(item.value);
      else if (item.kind === 'regex') of.push(this.#field(path, item));
      else of.push(this.#equal(path, item));
    }
    if (scalars.length > 0 || of.length === 0) {
      of.push(this.#test(path, { op: '$in', value: scalars }, node.at));
    }
    return of.length === 1 ? (of[0] as Filter) : { kind: 'or', of };
  }

  #all(path: string, node: Node): Filter {
    const items = this.#items('$all', node);
    if (items.length === 0) throw this.#operand(node, '$all needs at least one member');
    return all(items.map((item) => this.#field(path, item)));
  }

  #items(name: string, node: Node): readonly Node[] {
    if (node.kind !== 'array') throw this.#operand(node, `${name} needs a list`);
    if (node.items.length > FILTER_LIST_MAX) {
      throw this.#limit(node.at, `${name} has more than ${FILTER_LIST_MAX} members`);
    }
    return node.items;
  }

  #not(path: string, node: Node): Filter {
    const fits = node.kind === 'regex' || (node.kind === 'object' && isOperatorDocument(node));
    if (!fits || (node.kind === 'object' && node.members.length === 0)) {
      throw this.#operand(node, '$not needs operators or a regular expression');
    }
    return this.#field(path, node);
  }

  #regexOperator(path: string, node: Node, options: Node | undefined): Filter {
    let flags = '';
    if (options) {
      if (options.kind !== 'scalar' || typeof options.value !== 'string') {
        throw this.#operand(options, '$options is a text of the letters i, m and s');
      }
      flags = options.value;
    }
    if (node.kind === 'regex') {
      if (options && node.flags !== '')
        throw this.#operand(node, 'flags and $options exclude each other');
      return this.#regex(path, node.source, options ? flags : node.flags, node.at);
    }
    if (node.kind !== 'scalar' || typeof node.value !== 'string') {
      throw this.#operand(node, '$regex needs a text or /expression/');
    }
    return this.#regex(path, node.value, flags, node.at);
  }

  #regex(path: string, source: string, flags: string, at: number): Filter {
    if (source.length > FILTER_REGEX_MAX) {
      throw this.#limit(at, `a regular expression has more than ${FILTER_REGEX_MAX} characters`);
    }
    if (!/^[ims]*$/.test(flags) || new Set(flags).size !== flags.length) {
      throw new FilterError(
        'filterOperand',
        this.#text,
        at,
        `the flags ${JSON.stringify(flags)} are not among i, m and s`,
      );
    }
    return this.#test(path, { op: '$regex', source, flags, at }, at);
  }

  #elemMatch(path: string, node: Node, at: number): Filter {
    if (node.kind !== 'object') throw this.#operand(node, '$elemMatch needs an object');
    const self =
      isOperatorDocument(node) && !node.members.some(({ name }) => TOP_OPERATORS.includes(name));
    const filter = self ? this.#operators(ELEMENT, node) : this.document(node);
    return this.#test(path, { op: '$elemMatch', filter, self }, at);
  }

  #flag(node: Node): boolean {
    const value = node.kind === 'scalar' ? node.value : undefined;
    if (value === true || value === 1) return true;
    if (value === false || value === 0) return false;
    throw this.#operand(node, '$exists needs true or false');
  }

  #size(node: Node): number {
    const value = node.kind === 'scalar' ? node.value : undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#operand(node, '$size needs a whole number from 0');
  }

  #types(node: Node): string[] {
    const items = node.kind === 'array' ? node.items : [node];
    if (items.length === 0) throw this.#operand(node, '$type needs at least one type');
    return items.map((item) => {
      const value = item.kind === 'scalar' ? item.value : undefined;
      const type =
        typeof value === 'string' || typeof value === 'number'
          ? Object.entries(TYPES).find(([name]) => name === String(value))?.[1]
          : undefined;
      if (type !== undefined) return type;
      throw this.#operand(
        item,
        'unknown type; there are number, string, object, array, bool, null, int, long',
      );
    });
  }

  #plain(node: Node): PlainValue {
    if (node.kind === 'scalar') return node.value;
    if (node.kind === 'array') return node.items.map((item) => this.#plain(item));
    if (node.kind === 'regex') {
      throw this.#operand(node, 'a regular expression cannot stand inside of a value');
    }
    const date = dateOperand(node);
    if (date !== undefined) return this.#date(date);
    const entries = node.members.map(({ name, at, value }) => {
      if (name.startsWith('$')) {
        throw new FilterError(
          'filterOperator',
          this.#text,
          at,
          `${name} cannot stand inside of a value`,
        );
      }
      return [name, this.#plain(value)] as const;
    });
    return Object.fromEntries(entries);
  }

  /** As events write it: RFC 3339 in UTC with milliseconds, so that texts compare as times. */
  #date(node: Node): string {
    const value = node.kind === 'scalar' ? node.value : undefined;
    const isText =
      typeof value === 'string' &&
      /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/.test(value);
    const date = new Date(isText || typeof value === 'number' ? value : Number.NaN);
    if (!Number.isNaN(date.getTime())) return date.toISOString();
    throw this.#operand(
      node,
      '$date needs a time such as "2026-01-31T12:00:00Z", or Unix milliseconds',
    );
  }

  #path(name: string, at: number): string {
    const names = name.split('.');
    if (names.length > FILTER_PATH_NAMES_MAX) {
      throw this.#limit(at, `a path has more than ${FILTER_PATH_NAMES_MAX} names`);
    }
    for (const part of names) {
      if (part === '' || part === '__proto__' || part === 'constructor' || part === 'prototype') {
        throw new FilterError(
          'filterPath',
          this.#text,
          at,
          `${JSON.stringify(name)} is no path of an event`,
        );
      }
    }
    return name;
  }

  #test(path: string, test: Test, at: number): Filter {
    if (++this.#clauses > FILTER_CLAUSES_MAX) {
      throw this.#limit(at, `more than ${FILTER_CLAUSES_MAX} tests`);
    }
    return { kind: 'test', path, test };
  }

  #unknown(name: string, at: number, known: readonly string[], path?: string): FilterError {
    const where = path === undefined ? '' : ` of ${JSON.stringify(path)}`;
    return new FilterError(
      'filterOperator',
      this.#text,
      at,
      `operator ${name}${where} is not supported; there are ${known.join(', ')}`,
    );
  }

  #operand({ at }: Node, what: string): FilterError {
    return new FilterError('filterOperand', this.#text, at, what);
  }

  #limit(at: number, what: string): FilterError {
    return new FilterError('filterLimit', this.#text, at, what);
  }
}

function not(filter: Filter): Filter {
  return { kind: 'nor', of: [filter] };
}

function all(of: readonly Filter[]): Filter {
  return of.length === 1 ? (of[0] as Filter) : { kind: 'and', of };
}

/** `{ $gt: 1 }`, but neither `{ a: 1 }` nor `{ $date: … }`. */
function isOperatorDocument(node: ObjectNode): boolean {
  return node.members.some(({ name }) => name.startsWith('$')) && dateOperand(node) === undefined;
}

function dateOperand(node: Node): Node | undefined {
  if (node.kind !== 'object' || node.members.length !== 1) return undefined;
  const [member] = node.members;
  return member?.name === '$date' ? member.value : undefined;
}

/** `ts` holds its time one level down, as the files of the `mongo` format do. */
function datePath(path: string, node: Node): string {
  return path === 'ts' && dateOperand(node) !== undefined ? 'ts.$date' : path;
}
