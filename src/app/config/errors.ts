import { SteleError } from '../../base/errors.js';

export const CONFIG_ERROR_CODES = [
  'unknownOption',
  'unexpectedArgument',
  'missingValue',
  'invalidValue',
  'conflict',
  'refused',
  'fileUnreadable',
  'fileInvalid',
  'secretInvalid',
] as const;

export type ConfigErrorCode = (typeof CONFIG_ERROR_CODES)[number];

/** A mistake of the operator. The text names the option, where its value came from, and what was expected. */
export class ConfigError extends SteleError<ConfigErrorCode> {}
