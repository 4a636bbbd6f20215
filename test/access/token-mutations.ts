import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AuthError, type Credentials } from '../../src/auth/index.js';
import { Random } from '../sdk/support/random.js';
import { AuthFixture } from '../support/auth-fixture.js';

/** Every hundredth is a megabyte long. */
const LONG_PERCENT = 1;
const LONG_BYTES = 1 << 20;
const FAILURES_SHOWN = 10;

interface Given {
  readonly token: string;
  readonly sessionId: string;
  /** The server's own key: even what is signed with it counts only if it was given out. */
  readonly key: Buffer;
}

type Maker = (given: Given, random: Random) => Credentials;

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signed(header: object, claims: object, key: Buffer | string, hash = 'sha256'): string {
  const body = `${part(header)}.${part(claims)}`;
  return `${body}.${createHmac(hash, key).update(body).digest('base64url')}`;
}

function claimsOf(token: string): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return JSON.parse(text) as Record<string, unknown>;
}

function changedClaims(token: string, random: Random): Record<string, unknown> {
  const claims = claimsOf(token);
  const change = random.pick<Record<string, unknown>>([
    { sub: 'admin' },
    { db: 'systemdb' },
    { db: `db${random.below(1000)}` },
    { exp: Number(claims['exp']) + random.below(1_000_000) + 1 },
    { exp: undefined },
    { aud: 'immudb' },
    { jti: randomBytes(16).toString('hex') },
    { iat: random.below(2 ** 31) },
    { nbf: 0 },
  ]);
  return { ...claims, ...change };
}

const HS256 = { alg: 'HS256', typ: 'JWT' };

/** One character of printable text is changed by one bit. */
function flipped(text: string, random: Random): string {
  const at = random.below(text.length);
  const code = text.charCodeAt(at) ^ (1 << random.below(7));
  return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
}

const bearer = (token: string): Credentials => ({ authorization: `Bearer ${token}` });

/** The kinds of hostile credentials. Each makes another one at each call. */
const MAKERS: Readonly<Record<string, Maker>> = {
  bitFlip: ({ token }, random) => bearer(flipped(token, random)),
  cut: ({ token }, random) => bearer(token.slice(0, random.below(token.length))),
  extended: ({ token }, random) => bearer(token + random.pick(['=', 'A', '.', '.A', token])),
  letterCase: ({ token }, random) => {
    const at = random.below(token.length);
    const other = token.charAt(at);
    const turned = other === other.toLowerCase() ? other.toUpperCase() : other.toLowerCase();
    return bearer(token.slice(0, at) + turned + token.slice(at + 1));
  },
  algorithmNone: ({ token }, random) => {
    const alg = random.pick(['none', 'None', 'NONE', 'nOnE', '', 'null']);
    const [, claims, signature] = token.split('.');
    const body = random.chance(50) ? claims : part(changedClaims(token, random));
    return bearer(`${part({ alg, typ: 'JWT' })}.${body}.${random.chance(50) ? signature : ''}`);
  },
  keyConfusion: ({ token, key }, random) => {
    const alg = random.pick(['RS256', 'ES256', 'PS256', 'EdDSA', 'HS384', 'HS512', 'HS256']);
    const wrong = random.pick<Buffer | string>(['', 'secret', key.toString('hex'), 'stele', token]);
    const hash = alg === 'HS384' ? 'sha384' : alg === 'HS512' ? 'sha512' : 'sha256';
    return bearer(signed({ ...HS256, alg }, claimsOf(token), alg === 'HS256' ? wrong : key, hash));
  },
  headerTricks: ({ token, key }, random) => {
    const extra = random.pick<object>([
      { kid: '../../dev/null' },
      { jwk: { kty: 'oct', k: 'AA' } },
      { jku: 'http://127.0.0.1/keys' },
      { x5c: ['MII'] },
      { crit: ['exp'] },
      { b64: false },
    ]);
    return bearer(signed({ ...HS256, ...extra }, changedClaims(token, random), key));
  },
  changedClaims: ({ token }, random) => {
    const [header, , signature] = token.split('.');
    return bearer(`${header}.${part(changedClaims(token, random))}.${signature}`);
  },
  foreignKey: ({ token }) => bearer(signed(HS256, claimsOf(token), randomBytes(32))),
  neverGivenOut: ({ token, key }, random) => {
    const claims = { ...changedClaims(token, random), jti: randomBytes(16).toString('hex') };
    return bearer(signed(HS256, claims, key));
  },
  sessionAsToken: ({ sessionId }) => bearer(sessionId),
  tokenAsSession: ({ token }) => ({ sessionId: token }),
  madeSession: () => ({ sessionId: `${randomBytes(32).toString('base64url')}=` }),
  flippedSession: ({ sessionId }, random) => ({ sessionId: flipped(sessionId, random) }),
  cutSession: ({ sessionId }, random) => ({
    sessionId: sessionId.slice(0, random.below(sessionId.length)),
  }),
  // A session header, be it empty, is never passed over in favour of the good token beside it.
  sessionBesideToken: ({ token, sessionId }, random) => ({
    ...bearer(token),
    sessionId: random.pick(['', flipped(sessionId, random)]),
  }),
  names: (_, random) => {
    const name = random.pick(['__proto__', 'constructor', 'undefined', 'null', '0', '', ' ']);
    return random.chance(50) ? bearer(name) : { sessionId: name };
  },
};

const KINDS = Object.keys(MAKERS);

function long(given: Given, random: Random): Credentials {
  const filling = random.pick(['A', '.', 'é', given.token]);
  const text = (given.token + filling.repeat(LONG_BYTES / filling.length)).slice(0, LONG_BYTES);
  return random.chance(50) ? bearer(text) : { sessionId: text };
}

/** A credential that is, but for what the header may carry besides, the good one. */
function isGood({ authorization, sessionId }: Credentials, given: Given): boolean {
  if (sessionId !== undefined) return sessionId === given.sessionId;
  return (
    String(authorization)
      .replace(/^Bearer +/, '')
      .trim() === given.token
  );
}

/** Makes the next hostile credential, never the good one. */
export function mutatedCredentials(
  index: number,
  given: Given,
  random: Random,
): { readonly kind: string; readonly credentials: Credentials } {
  if (random.chance(LONG_PERCENT)) return { kind: 'long', credentials: long(given, random) };
  const kind = KINDS[index % KINDS.length] ?? '';
  for (;;) {
    const credentials = (MAKERS[kind] as Maker)(given, random);
    if (!isGood(credentials, given)) return { kind, credentials };
  }
}

export interface TokenRun {
  readonly failures: string[];
  /** How many of each kind. */
  readonly kinds: ReadonlyMap<string, number>;
  /** How often each code was the answer. */
  readonly codes: ReadonlyMap<string, number>;
}

/** Shows the authenticator `count` credentials that nobody gave out. */
export async function mutateTokens(count: number, seed: number): Promise<TokenRun> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stele-tokens-'));
  const fixture = new AuthFixture(folder, {});
  try {
    await fixture.auth.open();
    const { token } = await fixture.login('immudb', 'immudb');
    const { sessionId } = await fixture.openSession('immudb', 'immudb');
    const key = readFileSync(path.join(folder, 'token.key'));
    return tryAll(fixture, { token, sessionId, key }, count, new Random(seed));
  } finally {
    fixture.auth.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

function tryAll({ auth }: AuthFixture, given: Given, count: number, random: Random): TokenRun {
  const failures: string[] = [];
  const kinds = new Map<string, number>();
  const codes = new Map<string, number>();
  for (let index = 0; index < count && failures.length < FAILURES_SHOWN; index++) {
    const { kind, credentials } = mutatedCredentials(index, given, random);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const what = `${index} (${kind})`;
    try {
      auth.authenticate(credentials, random.chance(50) ? 'unary' : 'stream');
      failures.push(`${what} was accepted: ${JSON.stringify(credentials).slice(0, 600)}`);
    } catch (error) {
      if (error instanceof AuthError) codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      else failures.push(`${what}: ${String(error)}`);
    }
  }
  // They are refused for what they are, not because nothing is accepted any more.
  auth.authenticate(bearer(given.token), 'unary');
  auth.authenticate({ sessionId: given.sessionId }, 'unary');
  return { failures, kinds, codes };
}
