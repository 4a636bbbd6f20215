import { UsageError } from '../../kit/errors.js';

/** What a line of the shell says; undefined while a quote is open, so that the next line belongs to it. */
export interface Parsed {
  readonly words: readonly string[];
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' };

/**
 * Words are split at blanks. 'single quotes' keep everything, "double quotes" know \n \t \r \0 \xHH \\ and
 * \", a backslash outside of quotes takes the next character as it is, and at the end of a line joins the
 * next one.
 * @returns undefined when the line is not complete
 * @throws UsageError
 */
export function parseWords(text: string): Parsed | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else if (character === '"') {
      const quoted = doubleQuoted(text, at + 1);
      if (quoted === undefined) return undefined;
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (character === '\\') {
      at++;
      if (at === text.length) return undefined;
      // A joined line goes on where it was.
      if (text[at] !== '\n') word = (word ?? '') + text[at];
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) words.push(word);
  return { words };
}

/** @returns undefined when the quote is not closed */
function doubleQuoted(
  text: string,
  start: number,
): { readonly text: string; readonly end: number } | undefined {
  let found = '';
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') return { text: found, end: at };
    if (character !== '\\') {
      found += character;
      continue;
    }
    at++;
    const escaped = text[at];
    if (escaped === undefined) return undefined;
    if (escaped === 'x') {
      const hex = text.slice(at + 1, at + 3);
      if (!/^[0-9a-f]{2}$/i.test(hex)) {
        throw new UsageError(`\\x must be followed by two hexadecimal digits, got "${hex}"`);
      }
      found += String.fromCharCode(Number.parseInt(hex, 16));
      at += 2;
    } else {
      found += ESCAPES[escaped] ?? escaped;
    }
  }
  return undefined;
}

/** A word so that `parseWords` reads it back as it is. */
export function quoteWord(word: string): string {
  if (word !== '' && /^[^\s'"\\]+$/.test(word)) return word;
  const escaped = word.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
  return `"${escaped}"`;
}
