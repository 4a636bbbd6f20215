import { SteleError } from '../base/errors.js';

export const WIRE_ERROR_CODES = [
  // bytes that are no message of the protocol
  'messageTruncated',
  'messageMalformed',
  'messageInvalidText',
  'messageTooManyElements',
  // a message whose field has no meaning in the domain: absent, of the wrong length, out of range
  'messageInvalidField',
  // chunk streams
  'frameCutShort',
  'frameTooLong',
] as const;

export type WireErrorCode = (typeof WIRE_ERROR_CODES)[number];

export class WireError extends SteleError<WireErrorCode> {}

/** Bytes that are not a message, or a message that is not a value of the domain. */
export class WireDecodeError extends WireError {}

/** A chunk stream that ends inside a frame, or declares a frame above its limit. */
export class FrameError extends WireError {}
