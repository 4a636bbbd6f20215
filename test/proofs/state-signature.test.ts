import assert from 'node:assert/strict';
import {
  createPrivateKey,
  createPublicKey,
  ECDH,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { describe, test } from 'node:test';
import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import {
  EMPTY_HASH,
  SigningKeyError,
  StateSigner,
  StateVerifier,
  stateSigningBytes,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { sha } from './naive.js';
import { hex } from './vectors.js';

interface SignedState {
  readonly db: string;
  readonly txId: string;
  readonly txHash: string;
  readonly signedBytes: string;
  readonly digest: string;
  readonly signature: string;
  readonly r: string;
  readonly s: string;
  readonly publicKey: string;
}

const vector = readVector('state-signature.json') as {
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
  readonly states: readonly SignedState[];
  readonly statesV0_9_0: readonly Omit<SignedState, 'db'>[];
};
const state = { txId: 5, txHash: sha(Buffer.from('alh')) };
const NOBLE = { lowS: false, format: 'der' } as const;

describe('recorded state signatures', () => {
  const states = vector.states.filter(({ txId }) => Number.isSafeInteger(Number(txId)));

  test('are over the bytes that are made here', () => {
    assert.equal(vector.states.length, 8);
    for (const { db, txId, txHash, signedBytes, digest } of states) {
      const bytes = stateSigningBytes(db, { txId: Number(txId), txHash: hex(txHash) });
      assert.equal(bytes.toString('hex'), signedBytes);
      assert.equal(sha(bytes).toString('hex'), digest);
    }
  });

  test('hold with the key of the file and with the point that they carry', () => {
    for (const { db, txId, txHash, signature, publicKey } of states) {
      const signed = { txId: Number(txId), txHash: hex(txHash) };
      for (const verifier of [
        StateVerifier.fromPem(vector.publicKeyPem),
        StateVerifier.fromPoint(hex(publicKey)),
      ]) {
        assert.ok(verifier.verify(db, signed, hex(signature)));
        assert.ok(!verifier.verify(`${db}x`, signed, hex(signature)));
        assert.ok(!verifier.verify(db, { ...signed, txId: signed.txId + 1 }, hex(signature)));
        assert.ok(!verifier.verify(db, { ...signed, txHash: sha(hex(txHash)) }, hex(signature)));
      }
    }
  });

  test('hold in the eyes of a second implementation, and are made of r and s', () => {
    for (const { signedBytes, signature, publicKey, r, s } of vector.states) {
      assert.ok(p256.verify(hex(signature), hex(signedBytes), hex(publicKey), NOBLE));
      const parsed = p256.Signature.fromBytes(hex(signature), 'der');
      assert.equal(Buffer.from(parsed.toBytes('compact')).toString('hex'), r + s);
    }
  });

  test('of an id that is no safe integer are refused', () => {
    const verifier = StateVerifier.fromPem(vector.publicKeyPem);
    const large = vector.states.filter((each) => !states.includes(each));
    assert.equal(large.length, 1);
    for (const { db, txId, txHash, signature } of large) {
      const signed = { txId: Number(txId), txHash: hex(txHash) };
      assert.ok(!verifier.verify(db, signed, hex(signature)));
      assert.throws(() => stateSigningBytes(db, signed), { name: 'RangeError', message: /^txId / });
    }
  });

  test('over the payload without a database name hold for no database', () => {
    assert.equal(vector.statesV0_9_0.length, 3);
    for (const { txId, txHash, signature, publicKey, signedBytes } of vector.statesV0_9_0) {
      const verifier = StateVerifier.fromPoint(hex(publicKey));
      assert.ok(p256.verify(hex(signature), hex(signedBytes), hex(publicKey), NOBLE));
      const signed = { txId: Number(txId), txHash: hex(txHash) };
      for (const db of ['', 'defaultdb']) assert.ok(!verifier.verify(db, signed, hex(signature)));
    }
  });

  test('cannot be reproduced, but their key signs states that hold', () => {
    const signer = new StateSigner(vector.privateKeyPem);
    const point = vector.states[0]?.publicKey ?? '';
    assert.equal(signer.publicKey.toString('hex'), point);
    for (const { db } of vector.states) {
      const signature = signer.sign(db, state);
      assert.ok(StateVerifier.fromPem(vector.publicKeyPem).verify(db, state, signature));
      assert.ok(p256.verify(signature, stateSigningBytes(db, state), signer.publicKey, NOBLE));
    }
  });
});

test('signatures of the second implementation hold here, with high and low s', () => {
  const { secretKey, publicKey } = p256.keygen();
  const verifier = StateVerifier.fromPoint(p256.Point.fromBytes(publicKey).toBytes(false));
  let highCount = 0;
  for (let txId = 1; txId <= 40; txId++) {
    const bytes = stateSigningBytes('db', { ...state, txId });
    const signature = p256.sign(bytes, secretKey, { lowS: false, format: 'der' });
    if (p256.Signature.fromBytes(signature, 'der').hasHighS()) highCount++;
    assert.ok(verifier.verify('db', { ...state, txId }, signature));
  }
  assert.ok(highCount > 0);
});

test('the name of a database is signed as UTF-8 with its length in bytes', () => {
  const bytes = stateSigningBytes('dé', { txId: 258, txHash: EMPTY_HASH });
  const expected = `0000000364c3a90000000000000102${EMPTY_HASH.toString('hex')}`;
  assert.equal(bytes.toString('hex'), expected);
});

describe('a signature', () => {
  const signer = new StateSigner(vector.privateKeyPem);
  const verifier = StateVerifier.fromPem(vector.publicKeyPem);
  const signature = signer.sign('db', state);

  test('with any bit flipped is refused', () => {
    for (let bit = 0; bit < signature.length * 8; bit++) {
      const flipped = Buffer.from(signature);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.ok(!verifier.verify('db', state, flipped), `bit ${bit}`);
    }
  });

  test('in another encoding than strict DER is refused', () => {
    const { r, s } = p256.Signature.fromBytes(signature, 'der');
    const integer = (value: bigint, pad: string) => {
      const digits = value.toString(16);
      const even = digits.padStart(digits.length + (digits.length % 2), '0');
      const body = pad + (Number.parseInt(even.slice(0, 2), 16) > 0x7f ? `00${even}` : even);
      return `02${(body.length / 2).toString(16).padStart(2, '0')}${body}`;
    };
    const sequence = (body: string, head = '30') =>
      hex(`${head}${(body.length / 2).toString(16).padStart(2, '0')}${body}`);
    assert.deepEqual(sequence(integer(r, '') + integer(s, '')), signature);
    const others = [
      sequence(integer(r, '00') + integer(s, '')),
      sequence(integer(r, '') + integer(s, '00')),
      sequence(integer(r, '') + integer(s, ''), '3081'),
      sequence(`${integer(r, '')}${integer(s, '')}0500`),
      Buffer.concat([signature, Buffer.alloc(1)]),
      Buffer.from(p256.Signature.fromBytes(signature, 'der').toBytes('compact')),
      sequence(integer(0n, '') + integer(0n, '')),
      Buffer.alloc(0),
    ];
    for (const other of others)
      assert.ok(!verifier.verify('db', state, other), other.toString('hex'));
  });

  test('of another key is refused', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = new StateSigner(pem(privateKey, 'sec1'));
    assert.ok(!verifier.verify('db', state, other.sign('db', state)));
  });

  test('is refused and never thrown at, whatever comes', () => {
    const thing = fc.anything({ withTypedArray: true, withNullPrototype: true, withBigInt: true });
    fc.assert(
      fc.property(thing, thing, thing, thing, (db, txId, txHash, bytes) => {
        assert.equal(
          verifier.verify(db as never, { txId, txHash } as never, bytes as never),
          false,
        );
        assert.equal(verifier.verify('db', { txId, txHash } as never, signature), false);
        assert.equal(verifier.verify('db', txId as never, signature), false);
        assert.equal(verifier.verify('db', state, bytes as never), false);
      }),
    );
  });
});

function pem(key: KeyObject, type: 'sec1' | 'pkcs8' | 'spki'): string {
  return key.export({ type, format: 'pem' } as { type: 'pkcs8'; format: 'pem' }) as string;
}

function refusal(message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof SigningKeyError);
    assert.equal(error.code, 'signingKeyInvalid');
    assert.match(error.message, message);
    return true;
  };
}

const p256Keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384Keys = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const bitcoinKeys = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
const rsaKeys = generateKeyPairSync('rsa', { modulusLength: 1024 });
const edKeys = generateKeyPairSync('ed25519');
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const PARAMETERS = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';

describe('a file with a private key', () => {
  const { privateKey, publicKey } = p256Keys;
  const sec1 = pem(privateKey, 'sec1');

  test('is taken as SEC 1, after EC PARAMETERS, as PKCS #8 and with Windows line ends', () => {
    const verifier = StateVerifier.fromPem(pem(publicKey, 'spki'));
    const files = [
      sec1,
      PARAMETERS + sec1,
      pem(privateKey, 'pkcs8'),
      sec1.replaceAll('\n', '\r\n'),
      `a line of text\n${sec1}`,
    ];
    for (const file of files) {
      const signer = new StateSigner(file);
      assert.ok(verifier.verify('db', state, signer.sign('db', state)), file);
      assert.equal(signer.publicKey.length, 65);
      assert.ok(
        StateVerifier.fromPoint(signer.publicKey).verify('db', state, signer.sign('db', state)),
      );
    }
  });

  test('of another kind is refused with the reason', () => {
    const secret = { cipher: 'aes-256-cbc', passphrase: 'secret', format: 'pem' } as const;
    const cases: [string, RegExp][] = [
      ['', /not in PEM form/],
      [privateKey.export({ type: 'sec1', format: 'der' }).toString('latin1'), /not in PEM form/],
      [PARAMETERS, /found EC PARAMETERS/],
      [CERTIFICATE, /found CERTIFICATE/],
      [pem(publicKey, 'spki'), /found PUBLIC KEY/],
      [pem(p384Keys.privateKey, 'sec1'), /secp384r1, not on P-256/],
      [pem(bitcoinKeys.privateKey, 'sec1'), /secp256k1, not on P-256/],
      [pem(rsaKeys.privateKey, 'pkcs8'), /is rsa, not an EC key/],
      [pem(edKeys.privateKey, 'pkcs8'), /is ed25519, not an EC key/],
      [privateKey.export({ type: 'pkcs8', ...secret }) as string, /encrypted/],
      [privateKey.export({ type: 'sec1', ...secret }) as string, /encrypted/],
      [sec1.replace(/\n.{9}/, '\nAAAAAAAAA'), /cannot be read/],
      [sec1.replace(/-----END.*/, ''), /not in PEM form/],
    ];
    for (const [file, message] of cases)
      assert.throws(() => new StateSigner(file), refusal(message));
    assert.throws(() => new StateSigner(undefined as never), {
      name: 'TypeError',
      message: /^pem /,
    });
  });

  test('is never quoted in an error', () => {
    const broken = sec1.replace(/\n.{9}/, '\nAAAAAAAAA');
    const secret = broken.split('\n')[2] as string;
    assert.throws(
      () => new StateSigner(broken),
      (error: unknown) => !String((error as Error).stack).includes(secret.slice(0, 8)),
    );
  });
});

describe('a public key', () => {
  const { privateKey, publicKey } = p256Keys;
  const signature = new StateSigner(pem(privateKey, 'sec1')).sign('db', state);
  const point = new StateSigner(pem(privateKey, 'sec1')).publicKey;

  test('is taken as PUBLIC KEY, also with a compressed point and after another block', () => {
    const compressed = ECDH.convertKey(point, 'prime256v1', undefined, 'hex', 'compressed');
    const head = '3039301306072a8648ce3d020106082a8648ce3d030107032200';
    const der = hex(head + String(compressed)).toString('base64');
    const files = [
      pem(publicKey, 'spki'),
      pem(publicKey, 'spki').replaceAll('\n', '\r\n'),
      `-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`,
      CERTIFICATE + pem(publicKey, 'spki'),
    ];
    for (const file of files) {
      assert.ok(StateVerifier.fromPem(file).verify('db', state, signature), file);
    }
  });

  test('of another kind is refused with the reason', () => {
    const cases: [string, RegExp][] = [
      ['', /not in PEM form/],
      [publicKey.export({ type: 'spki', format: 'der' }).toString('latin1'), /not in PEM form/],
      [CERTIFICATE, /must be a PEM block PUBLIC KEY, found CERTIFICATE/],
      [pem(privateKey, 'sec1'), /found EC PRIVATE KEY/],
      [pem(rsaKeys.publicKey, 'spki'), /is rsa, not an EC key/],
      [pem(p384Keys.publicKey, 'spki'), /secp384r1, not on P-256/],
      [pem(bitcoinKeys.publicKey, 'spki'), /secp256k1, not on P-256/],
      ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /cannot be read/],
    ];
    for (const [file, message] of cases) {
      assert.throws(() => StateVerifier.fromPem(file), refusal(message));
    }
  });

  test('is refused when it is no point of the curve', () => {
    const off = Buffer.from(point);
    off[64] = (off[64] as number) ^ 1;
    const cases: [Uint8Array, RegExp][] = [
      [off, /no point of P-256/],
      [Buffer.concat([Buffer.from([4]), Buffer.alloc(64)]), /no point of P-256/],
      [Buffer.alloc(0), /no uncompressed/],
      [point.subarray(0, 64), /no uncompressed/],
      [Buffer.concat([Buffer.from([2]), point.subarray(1, 33)]), /no uncompressed/],
      [Buffer.concat([Buffer.from([6]), point.subarray(1)]), /no uncompressed/],
    ];
    for (const [bytes, message] of cases) {
      assert.throws(() => StateVerifier.fromPoint(bytes), refusal(message));
    }
    assert.throws(() => StateVerifier.fromPoint('04' as never), {
      name: 'TypeError',
      message: /^point /,
    });
  });

  test('is the same however it was read', () => {
    const fromPrivate = createPublicKey(createPrivateKey(pem(privateKey, 'sec1')));
    assert.equal(pem(fromPrivate, 'spki'), pem(publicKey, 'spki'));
  });
});

test('a state that cannot be signed is refused by name', () => {
  const signer = new StateSigner(vector.privateKeyPem);
  assert.throws(() => signer.sign('db', { ...state, txId: -1 }), {
    name: 'RangeError',
    message: /^txId /,
  });
  assert.throws(() => signer.sign('db', { ...state, txHash: Buffer.alloc(31) }), {
    name: 'RangeError',
    message: /^txHash /,
  });
  assert.throws(() => signer.sign(undefined as never, state), {
    name: 'TypeError',
    message: /^db /,
  });
});
