import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { writeU64 } from '../base/bytes.js';
import {
  checkBytes,
  checkDigest,
  checkInteger,
  isDigest,
  isIntegerFrom,
  isObject,
} from './checks.js';
import { SigningKeyError } from './errors.js';
import type { State } from './types.js';

const CURVE = 'prime256v1';
const POINT_BYTES = 65;
const UNCOMPRESSED = 4;

/** `u32(len db) || db || u64(txId) || txHash` */
export function stateSigningBytes(db: string, state: State): Buffer {
  if (typeof db !== 'string') throw new TypeError(`db must be a string, got ${typeof db}`);
  checkInteger('txId', state.txId, 0);
  checkDigest('txHash', state.txHash);
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
    Buffer.from([UNCOMPRESSED]),
    Buffer.from(x as string, 'base64url'),
    Buffer.from(y as string, 'base64url'),
  ]);
}

/** @throws SigningKeyError unless the key is on P-256 */
function checkCurve(key: KeyObject): void {
  if (key.asymmetricKeyType !== 'ec') {
    throw new SigningKeyError(`the key is ${key.asymmetricKeyType}, not an EC key`);
  }
  const curve = key.asymmetricKeyDetails?.namedCurve ?? 'a curve without a name';
  if (curve !== CURVE) throw new SigningKeyError(`the key is on ${curve}, not on P-256`);
}

/** The first PEM block with one of these labels. @throws SigningKeyError naming what is there instead */
function pemBlock(pem: string, what: string, labels: readonly string[]): string {
  if (typeof pem !== 'string') throw new TypeError(`pem must be a string, got ${typeof pem}`);
  const found: string[] = [];
  for (const [block, label] of pem.matchAll(/-----BEGIN ([^\r\n]+?)-----.*?-----END \1-----/gs)) {
    found.push(label as string);
    if (!labels.includes(label as string)) continue;
    if (block.includes('Proc-Type: 4,ENCRYPTED')) throw new SigningKeyError(`${what} is encrypted`);
    return block;
  }
  if (found.length === 0) throw new SigningKeyError(`${what} is not in PEM form`);
  if (found.includes('ENCRYPTED PRIVATE KEY')) throw new SigningKeyError(`${what} is encrypted`);
  throw new SigningKeyError(
    `${what} must be a PEM block ${labels.join(' or ')}, found ${found.join(', ')}`,
  );
}

/** Signs states: ECDSA P-256 over SHA-256, DER. */
export class StateSigner {
  readonly #key: KeyObject;
  /** Uncompressed point, 65 bytes. */
  readonly publicKey: Buffer;

  /**
   * @param pem `EC PRIVATE KEY`, with or without `EC PARAMETERS` before it, or `PRIVATE KEY`
   * @throws SigningKeyError
   */
  constructor(pem: string) {
    const block = pemBlock(pem, 'the private key', ['EC PRIVATE KEY', 'PRIVATE KEY']);
    try {
      this.#key = createPrivateKey(block);
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

  /** @param pem `PUBLIC KEY` @throws SigningKeyError */
  static fromPem(pem: string): StateVerifier {
    const block = pemBlock(pem, 'the public key', ['PUBLIC KEY']);
    let key: KeyObject;
    try {
      key = createPublicKey(block);
    } catch (error) {
      throw new SigningKeyError('the public key cannot be read', { cause: error });
    }
    return new StateVerifier(key);
  }

  /** @param point `04 || X || Y`, as a signature carries it @throws SigningKeyError */
  static fromPoint(point: Uint8Array): StateVerifier {
    checkBytes('point', point);
    if (point.length !== POINT_BYTES || point[0] !== UNCOMPRESSED) {
      throw new SigningKeyError('the public key is no uncompressed P-256 point');
    }
    const coordinate = (from: number) =>
      Buffer.from(point.subarray(from, from + 32)).toString('base64url');
    let key: KeyObject;
    try {
      key = createPublicKey({
        format: 'jwk',
        key: { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) },
      });
    } catch (error) {
      throw new SigningKeyError('the public key is no point of P-256', { cause: error });
    }
    return new StateVerifier(key);
  }

  /** Takes hostile input; strict DER. */
  verify(db: string, state: State, signature: Uint8Array): boolean {
    if (typeof db !== 'string' || !(signature instanceof Uint8Array) || !isObject(state))
      return false;
    if (!isIntegerFrom(0, state.txId) || !isDigest(state.txHash)) return false;
    return verifyBytes('sha256', stateSigningBytes(db, state), this.#key, signature);
  }
}
