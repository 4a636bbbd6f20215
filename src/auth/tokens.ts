import { createSecretKey, type KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as JsonWebToken from 'jsonwebtoken';
import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { AuthError } from './errors.js';

const ALGORITHM = 'HS256';
const AUDIENCE = 'stele';
/** Ours have less than 500 characters with the longest names. */
const TOKEN_LENGTH_MAX = 2048;

let library: typeof JsonWebToken | undefined;

/** Loaded with the first token: it costs a fifth of the time that a start takes. */
function jsonWebToken(): typeof JsonWebToken {
  library ??= createRequire(import.meta.url)('jsonwebtoken') as typeof JsonWebToken;
  return library;
}

export interface TokenClaims {
  readonly id: string;
  readonly userName: string;
  /** Empty: none. */
  readonly database: string;
  /** Unix milliseconds, a whole second. */
  readonly expiresAt: number;
}

/** Signs tokens, and says of a token that names no live login what is wrong with it. */
export class TokenCodec {
  readonly #clock: Clock;
  /** As a key object: given bytes, the library first tries them as a public key, for 0.4 ms. */
  #key: KeyObject | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  useKey(key: Buffer): void {
    this.#key = createSecretKey(key);
  }

  sign(claims: TokenClaims): string {
    assert(this.#key !== undefined, 'token key not open');
    const payload = {
      jti: claims.id,
      sub: claims.userName,
      aud: AUDIENCE,
      db: claims.database,
      iat: Math.floor(this.#clock.now() / 1000),
      exp: claims.expiresAt / 1000,
    };
    return jsonWebToken().sign(payload, this.#key, { algorithm: ALGORITHM });
  }

  /** The reason to give for a token that is not that of a live login. */
  reasonAgainst(token: string): AuthError {
    if (token.length > TOKEN_LENGTH_MAX || this.#key === undefined) {
      return new AuthError('invalidToken');
    }
    try {
      jsonWebToken().verify(token, this.#key, {
        algorithms: [ALGORITHM],
        audience: AUDIENCE,
        clockTimestamp: Math.floor(this.#clock.now() / 1000),
      });
      return new AuthError('notLoggedIn');
    } catch (cause) {
      const expired = cause instanceof jsonWebToken().TokenExpiredError;
      return new AuthError(expired ? 'tokenExpired' : 'invalidToken', { cause });
    }
  }
}
