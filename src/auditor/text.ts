import type { State } from '../client/index.js';
import type { AuditLevel } from './options.js';

/** What the lines of the log begin with, as those of the original do. */
const MODULE = 'immuclientd';

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function dateText(date: Date): string {
  const { year, month, day, time } = parts(date);
  return `${year}/${month}/${day} ${time}`;
}

function parts(date: Date) {
  return {
    year: String(date.getFullYear()),
    month: two(date.getMonth() + 1),
    day: two(date.getDate()),
    time: [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':'),
  };
}

/** One line of the log; a result has several. */
export function logLine(level: AuditLevel, text: string, date: Date): string {
  return `${MODULE} ${dateText(date)} ${level}: ${text}\n`;
}

/** A time as Go prints it, with the time since the start of the process behind. */
export function startedText(date: Date, sinceStartMs: number): string {
  const seconds = (sinceStartMs / 1000).toFixed(9);
  const iso = date.toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}000000 +0000 UTC m=+${seconds}`;
}

/** Milliseconds as Go prints a duration, such as `1m0s` and `86.061938ms`. */
export function durationText(ms: number): string {
  const number = (value: number) => String(Number(value.toFixed(6)));
  if (ms < 1) return `${number(ms * 1000)}µs`;
  if (ms < 1000) return `${number(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = number((ms % 60_000) / 1000);
  return [
    ...(hours > 0 ? [`${hours}h`] : []),
    ...(ms >= 60_000 ? [`${minutes}m`] : []),
    `${seconds}s`,
  ].join('');
}

/** A duration as Go reads it; milliseconds, undefined for a text that is none. */
export function parseDuration(text: string): number | undefined {
  const units: Readonly<Record<string, number>> = {
    ns: 1e-6,
    us: 1e-3,
    µs: 1e-3,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
  };
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(value) * (units[unit as string] as number);
  }
  return sum;
}

export function hex({ txHash }: State): string {
  return Buffer.from(txHash).toString('hex');
}

export function resultText(
  database: string,
  consistent: boolean,
  previous: State,
  current: State,
): string {
  return (
    `result:\n db: ${database}, consistent:\t${consistent}\n` +
    `  previous state:\t${hex(previous)} at tx: ${previous.txId}\n` +
    `  current state:\t${hex(current)} at tx: ${current.txId}`
  );
}
