import { SteleError } from '../base/errors.js';

export const APP_ERROR_CODES = [
  'pidFileHeld',
  'pidFileUnusable',
  'logFileUnusable',
  'serviceFailed',
  'healthcheckOff',
  'healthcheckTimeout',
  'auditUnusable',
] as const;

export type AppErrorCode = (typeof APP_ERROR_CODES)[number];

/** What keeps a program from starting or a command from doing its work; told to the operator as it is. */
export class AppError extends SteleError<AppErrorCode> {}
