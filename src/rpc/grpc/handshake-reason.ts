/**
 * What the error of a handshake means, in the words of whoever reads the log.
 *
 * @param authorizationError what `TLSSocket` says of a certificate that was not accepted; the error itself
 * is then no more than that the connection is over
 */
export function handshakeReason(error: Error, authorizationError?: unknown): string {
  const own = (error as NodeJS.ErrnoException).code ?? '';
  const code = typeof authorizationError === 'string' ? authorizationError : own;
  const known: Readonly<Record<string, string>> = {
    ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS: the client speaks plain text',
    ERR_SSL_HTTP_REQUEST: 'no TLS: the client speaks plain HTTP',
    ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the client showed no certificate',
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is of an authority not in --clientcas',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is of an authority not in --clientcas',
    SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is of an authority not in --clientcas',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is of an authority not in --clientcas',
    CERT_HAS_EXPIRED: 'the certificate of the client has expired',
    ERR_SSL_UNSUPPORTED_PROTOCOL: 'the client speaks an old version of TLS (--tls-min-version)',
    ERR_TLS_HANDSHAKE_TIMEOUT: 'the handshake took too long (--tls-handshake-timeout)',
  };
  const meaning = known[code];
  return meaning === undefined ? error.message : `${meaning} (${code})`;
}
