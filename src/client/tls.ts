import { createSecureContext, type SecureContextOptions } from 'node:tls';
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

function pem(value: string | Uint8Array): Buffer {
  return Buffer.from(value as string);
}

/** Options of `tls.connect`. @throws ClientError `optionInvalid` */
export function secureOptions({ ca, certificate, key, serverName }: TlsOptions): object {
  if ((certificate === undefined) !== (key === undefined)) {
    throw new ClientError(
      'optionInvalid',
      'a client certificate needs its key and the other way round',
    );
  }
  const files: SecureContextOptions = {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(certificate === undefined ? {} : { cert: pem(certificate) }),
    ...(key === undefined ? {} : { key: pem(key) }),
  };
  try {
    const secureContext = createSecureContext(files);
    return { secureContext, ...(serverName === undefined ? {} : { servername: serverName }) };
  } catch (error) {
    throw new ClientError('optionInvalid', `TLS files cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
