import { SteleError } from '../base/errors.js';

/** What can be wrong with a call beyond what the layers below say. */
export const RPC_ERROR_CODES = [
  'unimplemented',
  'operationNotSupported',
  // requests
  'requestMissing',
  'messageCutShort',
  'messageTooLong',
  'messageFrames',
  'messageEncoding',
  'messageDamaged',
  'messageMissing',
  'replicationUnsupported',
  'settingUnsupported',
  'invalidPercentage',
  // streams
  'streamValueTooLong',
  'streamValuesTooLong',
  'streamNumberCutShort',
  'streamReferenceUnsupported',
  'streamZAddMalformed',
  'streamSetFailed',
  'streamVerifiableSetFailed',
  // what a client may take
  'streamsBeforeLogin',
  'bytesBeforeLogin',
  'bytesInFlight',
  'connectionMemory',
  // the call itself
  'cancelled',
  'deadlineExceeded',
  'streamStalled',
  'serverStopping',
  'auditUnavailable',
  'auditSpaceLow',
  // what is asked of the stream itself
  'auditOff',
  'auditLocked',
  'auditSettingInvalid',
] as const;

export type RpcErrorCode = (typeof RPC_ERROR_CODES)[number];

/** The message is used where the row of the code in `errors.ts` has no text of its own. */
export class RpcError extends SteleError<RpcErrorCode> {
  constructor(code: RpcErrorCode, message: string = code, options?: ErrorOptions) {
    super(code, message, options);
  }
}
