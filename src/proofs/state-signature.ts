import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { writeU64 } from '../base/bytes.js';
import type { State } from './types.js';

const CURVE = 'prime256v1';

/** A key that cannot sign or check states; the message says what was wrong with it. */
export class SigningKeyError extends Error {
  override readonly name = 'SigningKeyError';
}

/** `u32(len db) || db || u64(txId) || txHash` */
export function stateSigningBytes(db: string, state: State): Buffer {
  const name = Buffer.from(db);
  const out = Buffer.allocUnsafe(12 + name.length + state.txHash.length);
  out.writeUInt32BE(name.length, 0);
  out.set(name, 4);
  writeU64(out, 4 + name.length, state.txId);
  out.set(state.txHash, 12 + name.length);
  return out;
}

/** `04 || X || Y` of a P-256 key. */
function uncompressedPoint(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' });
  return Buffer.concat([
    Buffer.from([4]),
    Buffer.from(x as string, 'base64url'),
    Buffer.from(y as string, 'base64url'),
  ]);
}

function checkCurve(key: KeyObject): void {
  if (key.asymmetricKeyType !== 'ec') {
    throw new SigningKeyError(`the key is ${key.asymmetricKeyType}, not an EC key`);
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve !== CURVE) throw new SigningKeyError(`the key is on ${curve}, not on P-256`);
}

/** Signs states: ECDSA P-256 over SHA-256, DER. */
export class StateSigner {
  readonly #key: KeyObject;
  /** Uncompressed point, 65 bytes. */
  readonly publicKey: Buffer;

  /** @param pem `EC PRIVATE KEY`, with or without `EC PARAMETERS` before it, or `PRIVATE KEY` */
  constructor(pem: string) {
    const block = /-----BEGIN (?:EC )?PRIVATE KEY-----[^-]+-----END (?:EC )?PRIVATE KEY-----/;
    const found = block.exec(pem);
    if (found === null) throw new SigningKeyError('no PEM block with a private EC key in it');
    try {
      this.#key = createPrivateKey(found[0]);
    } catch (error) {
      throw new SigningKeyError('the private key cannot be read', { cause: error });
    }
    checkCurve(this.#key);
    this.publicKey = uncompressedPoint(createPublicKey(this.#key));
  }

  sign(db: string, state: State): Buffer {
    return signBytes('sha256', stateSigningBytes(db, state), this.#key);
  }
}

/** The key with which a client checks states. */
export class StateVerifier {
  readonly #key: KeyObject;

  private constructor(key: KeyObject) {
    checkCurve(key);
    this.#key = key;
  }

  /** @param pem `PUBLIC KEY` */
  static fromPem(pem: string): StateVerifier {
    if (!pem.includes('-----BEGIN PUBLIC KEY-----')) {
      throw new SigningKeyError('no PEM block with a public key in it');
    }
    try {
      return new StateVerifier(createPublicKey(pem));
    } catch (error) {
      if (error instanceof SigningKeyError) throw error;
      throw new SigningKeyError('the public key cannot be read', { cause: error });
    }
  }

  /** @param point `04 || X || Y`, as a signature carries it */
  static fromPoint(point: Uint8Array): StateVerifier {
    if (point.length !== 65 || point[0] !== 4) {
      throw new SigningKeyError('the public key is no uncompressed P-256 point');
    }
    const half = (from: number) => Buffer.from(point.subarray(from, from + 32));
    try {
      return new StateVerifier(
        createPublicKey({
          format: 'jwk',
          key: {
            kty: 'EC',
            crv: 'P-256',
            x: half(1).toString('base64url'),
            y: half(33).toString('base64url'),
          },
        }),
      );
    } catch (error) {
      throw new SigningKeyError('the public key is no point of P-256', { cause: error });
    }
  }

  /** Takes hostile input. */
  verify(db: string, state: State, signature: Uint8Array): boolean {
    return verifyBytes('sha256', stateSigningBytes(db, state), this.#key, signature);
  }
}
