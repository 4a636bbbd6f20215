export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Values that may stand in a log line. Never a password, token, private key, user key or value. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A constant message plus fields. Implementations live in `app/`. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries these fields too. */
  with(fields: LogFields): Log;
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};
