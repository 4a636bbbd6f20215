import { FilterError } from './errors.js';
import { FILTER_DEPTH_MAX, FILTER_TEXT_MAX } from './limits.js';

/**
 * JSON as the tools of MongoDB take it: names without quotes, single quotes, `/re/flags`, trailing commas.
 * Every node knows where it began, so that an error can point there.
 */
export type Node =
  | { readonly kind: 'object'; readonly at: number; readonly members: readonly Member[] }
  | { readonly kind: 'array'; readonly at: number; readonly items: readonly Node[] }
  | { readonly kind: 'scalar'; readonly at: number; readonly value: Scalar }
  | {
      readonly kind: 'regex';
      readonly at: number;
      readonly source: string;
      readonly flags: string;
    };

export interface Member {
  readonly name: string;
  readonly at: number;
  readonly value: Node;
}

export type Scalar = string | number | boolean | null;
export type ObjectNode = Extract<Node, { kind: 'object' }>;

const BARE_NAME = /[A-Za-z_$][\w$]*(?:\.[\w$]+)*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const SPACE = /\s*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const WORDS = new Map<string, Scalar>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** @throws FilterError */
export function parseRelaxedJson(text: string): Node {
  if (text.length > FILTER_TEXT_MAX) {
    throw new FilterError(
      'filterLimit',
      '',
      0,
      `${text.length} characters are more than the ${FILTER_TEXT_MAX} that a filter may have`,
    );
  }
  const parser = new Parser(text);
  return parser.whole();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Node {
    const node = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#wrong('expected the end of the filter');
    return node;
  }

  #value(): Node {
    this.#space();
    const at = this.#at;
    const first = this.#text[at];
    if (first === '{' || first === '[') return this.#nested(first);
    if (first === '"' || first === "'") return { kind: 'scalar', at, value: this.#string(first) };
    if (first === '/') return this.#regex();
    const number = this.#take(NUMBER);
    if (number !== undefined) {
      const value = Number(number);
      if (!Number.isFinite(value)) throw this.#wrong('the number is too large', at);
      return { kind: 'scalar', at, value };
    }
    const word = this.#take(BARE_NAME);
    const value = word === undefined ? undefined : WORDS.get(word);
    if (value !== undefined) return { kind: 'scalar', at, value };
    if (word !== undefined) throw this.#wrong(`write the text ${word} in quotes`, at);
    throw this.#wrong('expected a value');
  }

  #nested(open: '{' | '['): Node {
    const at = this.#at++;
    if (++this.#depth > FILTER_DEPTH_MAX) {
      throw this.#wrong(`nested deeper than ${FILTER_DEPTH_MAX} levels`, at, 'filterLimit');
    }
    const node: Node =
      open === '{'
        ? { kind: 'object', at, members: this.#list('}', () => this.#member()) }
        : { kind: 'array', at, items: this.#list(']', () => this.#value()) };
    if (node.kind === 'object') this.#refuseDuplicates(node.members);
    this.#depth--;
    return node;
  }

  #list<T>(close: string, element: () => T): T[] {
    const list: T[] = [];
    for (;;) {
      this.#space();
      if (this.#text[this.#at] === close) break;
      list.push(element());
      this.#space();
      if (this.#text[this.#at] === ',') this.#at++;
      else if (this.#text[this.#at] !== close) throw this.#wrong(`expected , or ${close}`);
    }
    this.#at++;
    return list;
  }

  #member(): Member {
    const at = this.#at;
    const quote = this.#text[at];
    const name = quote === '"' || quote === "'" ? this.#string(quote) : this.#take(BARE_NAME);
    if (name === undefined) throw this.#wrong('expected a name');
    this.#space();
    if (this.#text[this.#at] !== ':') throw this.#wrong(`expected : after ${JSON.stringify(name)}`);
    this.#at++;
    return { name, at, value: this.#value() };
  }

  /** Which of two would hold is not to be guessed. */
  #refuseDuplicates(members: readonly Member[]): void {
    const names = new Set<string>();
    for (const { name, at } of members) {
      if (names.has(name))
        throw this.#wrong(`${JSON.stringify(name)} is there twice; use $and`, at);
      names.add(name);
    }
  }

  #string(quote: string): string {
    const start = this.#at++;
    let value = '';
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char < ' ') throw this.#wrong('the text has no end', start);
      this.#at++;
      if (char === quote) return value;
      value += char === '\\' ? this.#escape() : char;
    }
  }

  #escape(): string {
    const char = this.#text[this.#at++];
    if (char === 'u') {
      const digits = this.#text.slice(this.#at, this.#at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#wrong('expected four hexadecimal digits');
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    if (char === '\\' || char === '/' || char === '"' || char === "'") return char;
    const escaped = char === undefined ? undefined : ESCAPES[char];
    if (escaped === undefined) throw this.#wrong('unknown escape', this.#at - 1);
    return escaped;
  }

  #regex(): Node {
    const at = this.#at++;
    let inClass = false;
    const start = this.#at;
    for (; ; this.#at++) {
      const char = this.#text[this.#at];
      if (char === undefined || char === '\n') {
        throw this.#wrong('the regular expression has no closing /', at);
      }
      if (char === '\\') this.#at++;
      else if (char === '[') inClass = true;
      else if (char === ']') inClass = false;
      else if (char === '/' && !inClass) break;
    }
    const source = this.#text.slice(start, this.#at++).replaceAll('\\/', '/');
    return { kind: 'regex', at, source, flags: this.#take(/[A-Za-z]*/y) ?? '' };
  }

  #space(): void {
    this.#take(SPACE);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #wrong(
    what: string,
    at = this.#at,
    code: 'filterSyntax' | 'filterLimit' = 'filterSyntax',
  ): FilterError {
    return new FilterError(code, this.#text, at, what);
  }
}
