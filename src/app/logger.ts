import type { Clock } from '../base/clock.js';
import type { Log, LogFields, LogLevel } from '../base/log.js';
import type { LogDestination } from './log-destination.js';

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  readonly destination: LogDestination;
  readonly clock: Clock;
}

/** The log of the process, with what only its owner does. */
export interface Logger extends Log {
  /** After the file was renamed by others; lines go on into the old one when that fails. */
  reopen(): void;
  close(): void;
}

const MODULE = 'stele';
/** Characters of a message or field that are logged; what is left out is counted in their place. */
const MAX_TEXT = 8192;

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const TEXT_LEVEL: Readonly<Record<LogLevel, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
};

/**
 * Every line stays one line whatever was logged: control characters are written as escapes. No call
 * throws.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { destination } = options;
  const log = withFields(options, {});
  return {
    ...log,
    reopen: () => {
      const reason = destination.reopen();
      if (reason === undefined) log.info('log file opened again');
      else log.error('log file cannot be opened again', { reason: String(reason) });
    },
    close: () => destination.close(),
  };
}

function withFields(options: LoggerOptions, fixed: LogFields): Log {
  const threshold = SEVERITY[options.level];
  const format = options.format === 'json' ? jsonLine : textLine;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (SEVERITY[level] < threshold) return;
    const all = fields ? { ...fixed, ...fields } : fixed;
    options.destination.write(format(level, message, all, new Date(options.clock.now())));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => withFields(options, { ...fixed, ...fields }),
  };
}

/** `stele 2021/04/08 13:33:55 INFO: message name=value`, in local time. */
function textLine(level: LogLevel, message: string, fields: LogFields, time: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('/');
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  let line = `${MODULE} ${date} ${clock} ${TEXT_LEVEL[level]}: ${escapeControls(shorten(message))}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${escapeControls(name)}=${textValue(value)}`;
  }
  return `${line}\n`;
}

/** Quoted unless it cannot be taken for anything else. */
function textValue(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  const shortened = shorten(value);
  return /^[^\s"=\\]+$/.test(shortened) && shortened === escapeControls(shortened)
    ? shortened
    : escapeControls(JSON.stringify(shortened));
}

const RESERVED = new Set(['timestamp', 'level', 'module', 'message']);

/** Keys of the original, then the fields; one that bears the name of a key gets an underscore. */
function jsonLine(level: LogLevel, message: string, fields: LogFields, time: Date): string {
  const line: Record<string, string | number | boolean> = {
    timestamp: time.toISOString().replace('Z', '000Z'),
    level,
    module: MODULE,
    message: shorten(message),
  };
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    line[RESERVED.has(name) ? `${name}_` : name] =
      typeof value === 'string' ? shorten(value) : value;
  }
  return `${escapeControls(JSON.stringify(line))}\n`;
}

function shorten(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  return `${text.slice(0, MAX_TEXT)} … and ${text.length - MAX_TEXT} more characters`;
}

/**
 * Controls of ASCII and Latin-1, the separators that some viewers break lines at, and the marks that
 * turn the direction of text: with none of these can a line be made to look like another one.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escapeControls(text: string): string {
  return text.replaceAll(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
