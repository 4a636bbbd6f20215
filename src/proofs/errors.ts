import { SteleError } from '../base/errors.js';

export type ProofsErrorCode = 'metadataMalformed' | 'signingKeyInvalid';

/** Bytes that hash as metadata but mean nothing that this program knows. */
export class MetadataError extends SteleError<'metadataMalformed'> {
  constructor(message: string) {
    super('metadataMalformed', message);
  }
}

/** A key that cannot sign or check states; the message says what was wrong with it. */
export class SigningKeyError extends SteleError<'signingKeyInvalid'> {
  constructor(message: string, options?: ErrorOptions) {
    super('signingKeyInvalid', message, options);
  }
}
