import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { messageOf } from '../base/errors.js';
import { ClientError } from './errors.js';

/** What is trusted and shown on an encrypted connection; all in PEM. */
export interface TlsOptions {
  /** Who may have issued the certificate of the server; default those that Node trusts. */
  readonly ca?: string | Uint8Array | undefined;
  /** Certificate and key of this client, both or none. */
  readonly certificate?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  /** The name that the certificate must have, where it is not the host. */
  readonly serverName?: string | undefined;
}

function pem(value: string | Uint8Array | undefined): Buffer | null {
  return value === undefined ? null : Buffer.from(value as string);
}

/** @throws ClientError `optionInvalid` */
export function channelCredentials(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  if ((tls.certificate === undefined) !== (tls.key === undefined)) {
    throw new ClientError(
      'optionInvalid',
      'a client certificate needs its key and the other way round',
    );
  }
  try {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.certificate));
  } catch (error) {
    throw new ClientError('optionInvalid', `TLS files cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
