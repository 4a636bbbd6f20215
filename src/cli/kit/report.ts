import {
  EXIT_FAILURE,
  EXIT_NOT_VERIFIED,
  EXIT_USAGE,
  type ExitCode,
} from '../../app/exit-codes.js';
import { systemErrorCode } from '../../base/durable-file.js';
import { SteleError } from '../../base/errors.js';
import { UsageError } from './errors.js';
import type { JsonObject } from './print.js';

export interface Report {
  readonly exitCode: ExitCode;
  /** For people: what happened, then what to do. */
  readonly text: string;
  readonly object: JsonObject;
}

/** What the classes of the client are called, so that they need not be loaded to tell what failed. */
function nameOf(error: Error): string {
  return error.name;
}

/** What a person types to put things right. */
export interface Advice {
  readonly login: string;
  readonly use: string;
  /** What else may help, to follow the error; empty when nothing is known. */
  readonly more?: (message: string) => string;
}

/** An error as the program says it; a stack only for a bug of ours. */
export function reportOf(error: unknown, advice: Advice): Report {
  if (error instanceof UsageError) return simple(EXIT_USAGE, 'usage', error.message);
  if (error instanceof SteleError) {
    if (nameOf(error) === 'VerificationError') return notVerified(error);
    if (error.code === 'notVerified') return simple(EXIT_NOT_VERIFIED, error.code, error.message);
    if (error.code === 'aborted') return simple(EXIT_FAILURE, 'aborted', 'cancelled');
    return simple(EXIT_FAILURE, error.code, error.message + adviceFor(error, advice));
  }
  if (error instanceof Error && 'syscall' in error && systemErrorCode(error) !== undefined) {
    return simple(EXIT_FAILURE, 'system', error.message);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return simple(EXIT_FAILURE, 'bug', stack);
}

function simple(exitCode: ExitCode, code: string, message: string): Report {
  return { exitCode, text: message, object: { error: { code, message } } };
}

function notVerified(error: SteleError): Report {
  const fields = error as unknown as Readonly<Record<string, string | undefined>>;
  const { check, reason, expected, found, server, database } = fields;
  const text = [
    `NOT VERIFIED: ${reason}`,
    `  database: ${database ?? '?'} of server ${server ?? '?'}`,
    `  expected: ${expected}`,
    `  found:    ${found}`,
    ...(check === 'identity'
      ? ['If the server was replaced on purpose: steleclient forget. If not:']
      : []),
    'The data may have been tampered with. Nothing new is trusted; keep the state files as evidence.',
  ].join('\n');
  const { message } = error;
  return {
    exitCode: EXIT_NOT_VERIFIED,
    text,
    object: {
      error: { code: 'notVerified', message, check, reason, expected, found, server, database },
    },
  };
}

function adviceFor(error: SteleError, { login, use, more }: Advice): string {
  const { message } = error;
  if (/select a? ?database/i.test(message)) return `; choose one with: ${use}`;
  if (
    /please login|not logged in|token has expired|invalid token|no session|session not/i.test(
      message,
    )
  ) {
    return `; log in with: ${login}`;
  }
  if (/metadata is unsupported/.test(message)) {
    return '; the database writes header version 0: an administrator may set it to 1';
  }
  return more?.(message) ?? '';
}
