/** What a call brought along to say who makes it. All of it is hostile until checked. */
export interface Credentials {
  /** The `sessionid` header; wins over `authorization`. */
  readonly sessionId?: string | undefined;
  /** The `authorization` header, with or without `Bearer `; of several values the first counts. */
  readonly authorization?: readonly string[] | string | undefined;
  /** Address of the peer, without port. Matters only while authentication is off, and at login. */
  readonly address?: string | undefined;
}

const BEARER = /^bearer(?: +|$)/i;

/** The token of the header; empty when there is none. */
export function bearerToken(authorization: Credentials['authorization']): string {
  const value = typeof authorization === 'string' ? authorization : authorization?.[0];
  return value === undefined ? '' : value.replace(BEARER, '').trim();
}
