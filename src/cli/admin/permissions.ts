import { UsageError } from '../kit/errors.js';

interface Level {
  /** What a user types, and what JSON has. */
  readonly word: string;
  readonly number: number;
  /** In tables. */
  readonly title: string;
}

const LEVELS: readonly Level[] = [
  { word: 'read', number: 1, title: 'Read' },
  { word: 'readwrite', number: 2, title: 'Read/Write' },
  { word: 'admin', number: 254, title: 'Admin' },
  { word: 'sysadmin', number: 255, title: 'System Admin' },
];

/** @throws UsageError */
export function levelNumber(word: string): number {
  const level = LEVELS.find((row) => row.word === word);
  if (level !== undefined) return level.number;
  throw new UsageError(
    `permission ${word} is not known: expected ${LEVELS.map((row) => row.word).join(', ')}`,
  );
}

export function levelTitle(number: number): string {
  return LEVELS.find((row) => row.number === number)?.title ?? `unknown: ${number}`;
}

/** The number itself for a level of a later server. */
export function levelWord(number: number): string | number {
  return LEVELS.find((row) => row.number === number)?.word ?? number;
}
