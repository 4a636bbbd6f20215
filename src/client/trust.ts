import { equalBytes } from '../base/bytes.js';
import {
  EMPTY_HASH,
  type ProvedTx,
  type State,
  type StateVerdict,
  StateVerifier,
  type Trust,
  verifyTxById,
} from '../proofs/index.js';
import {
  dualProofFromMessage,
  type pb,
  type RequestInitOf,
  type ResponseOf,
  signatureFromMessage,
  stateFromMessage,
  WireDecodeError,
} from '../wire/index.js';
import { damageOf } from './damage.js';
import { CallError, ClientError, VerificationError, type VerificationFailure } from './errors.js';
import type { CallOptions } from './options.js';
import { sameState, type TrustScope, type TrustStore } from './trust-store.js';
import { transactionFromMessage } from './values.js';

const NOTHING: State = { txId: 0, txHash: EMPTY_HASH };
const ADVANCE_TRIES = 16;

/** A state as the server gave it. */
export interface SignedState extends State {
  readonly signature?: { readonly signature: Uint8Array; readonly publicKey: Uint8Array };
}

/** The calls that checking needs. */
export interface ProofSource {
  call<M extends 'CurrentState' | 'VerifiableTxById'>(
    method: M,
    request: RequestInitOf<M>,
    options: CallOptions,
  ): Promise<ResponseOf<M>>;
  /** Undefined for a server that does not say. */
  readonly serverUuid: string | undefined;
  readonly address: string;
  readonly database: string;
}

export function stateText(state: State): string {
  return `transaction ${state.txId} ${Buffer.from(state.txHash).toString('hex')}`;
}

/**
 * Holds every verifiable answer against the newest state that was verified before, and keeps the newest.
 * A refusal is believed only from a server whose history still contains that state.
 */
export class TrustKeeper {
  readonly #source: ProofSource;
  readonly #store: TrustStore;
  readonly #verifier: StateVerifier | undefined;
  #advancing: Promise<unknown> = Promise.resolve();

  /** @param serverKey PEM `PUBLIC KEY` @throws SigningKeyError */
  constructor(source: ProofSource, store: TrustStore, serverKey: string | undefined) {
    this.#source = source;
    this.#store = store;
    this.#verifier = serverKey === undefined ? undefined : StateVerifier.fromPem(serverKey);
  }

  /** The state that the next answer is held against. */
  async trusted(): Promise<State | undefined> {
    return this.#store.load(await this.#scope());
  }

  /**
   * @param ask makes the call; gets the id of the trusted state, 0 for none
   * @param check what the answer must prove
   * @throws VerificationError, and what the call throws
   */
  async verified<T>(
    ask: (since: number) => Promise<T>,
    check: (answer: T, trust: Trust) => StateVerdict,
    options: CallOptions = {},
  ): Promise<T> {
    const scope = await this.#scope();
    const base = await this.#store.load(scope);
    const trust = this.#trust(scope, base);
    let answer: T;
    try {
      answer = await ask(trust.state.txId);
    } catch (error) {
      if (error instanceof CallError && error.code === 'refused') {
        await this.#examineRefusal(scope, base, error, options);
      }
      throw error;
    }
    // Another server may have answered than the one whose state was loaded.
    this.#checkIdentity(scope);
    const next = this.#judge(scope, trust, () => check(answer, trust));
    await this.#advance(scope, base, next, options);
    return answer;
  }

  /** The current state of the server, proved to continue the trusted one. */
  async verifiedState(options: CallOptions = {}): Promise<SignedState> {
    const scope = await this.#scope();
    const base = await this.#store.load(scope);
    const current = await this.#currentState(scope, options);
    const trust = this.#trust(scope, base);
    if (base !== undefined) {
      if (current.txId < base.txId) throw this.#older(scope, base, current);
      if (current.txId === base.txId) {
        if (!equalBytes(current.txHash, base.txHash)) throw this.#replaced(scope, base, current);
        return current;
      }
    }
    if (current.txId === 0) return current;
    try {
      await this.#prove(scope, current, trust, options);
    } catch (error) {
      throw this.#unproved(scope, current, error);
    }
    await this.#advance(scope, base, current, options);
    return current;
  }

  /** @throws VerificationError when the history of the server has not the trusted state any more */
  async #examineRefusal(
    scope: TrustScope,
    base: State | undefined,
    refusal: CallError,
    options: CallOptions,
  ): Promise<void> {
    this.#checkIdentity(scope);
    const damage = damageOf(refusal, scope);
    if (damage !== undefined) throw damage;
    if (base === undefined || isAboutLogin(refusal)) return;
    try {
      await this.verifiedState(options);
    } catch (error) {
      if (error instanceof VerificationError) throw error;
      if (/^illegal state/.test(refusal.details)) {
        throw this.#failure(scope, {
          check: 'rollback',
          reason: 'the server does not know the trusted state',
          expected: stateText(base),
          found: refusal.details,
        });
      }
    }
  }

  async #currentState(scope: TrustScope, options: CallOptions): Promise<SignedState> {
    const message = await this.#source.call('CurrentState', {}, options);
    this.#checkIdentity(scope);
    const state = this.#parse(scope, () => stateFromMessage(message));
    this.#checkStateSignature(scope, message, state);
    const signature = signatureFromMessage(message.signature);
    return signature === undefined ? state : { ...state, signature };
  }

  #checkStateSignature(scope: TrustScope, message: pb.ImmutableState, state: State): void {
    if (this.#verifier === undefined) return;
    const signature = signatureFromMessage(message.signature);
    if (signature === undefined) throw this.#signature(scope, 'the state is not signed', 'none');
    if (!this.#verifier.verify(scope.database, state, signature.signature)) {
      const found = Buffer.from(signature.publicKey).toString('hex') || 'a key without a name';
      throw this.#signature(scope, 'the signature of the state does not hold', `one of ${found}`);
    }
  }

  async #prove(scope: TrustScope, state: State, trust: Trust, options: CallOptions): Promise<void> {
    const request = { tx: state.txId, proveSinceTx: trust.state.txId };
    const message = await this.#source.call('VerifiableTxById', request, options);
    this.#judge(scope, trust, () => {
      const proved = provedTx(message);
      const { entries } = transactionFromMessage(message.tx);
      const verdict = verifyTxById(state.txId, { ...proved, entries }, trust);
      if (!verdict.ok) return verdict;
      if (state.txId >= trust.state.txId && !equalBytes(verdict.state.txHash, state.txHash)) {
        return { ok: false, reason: 'the state is not the one of its transaction' };
      }
      return verdict;
    });
  }

  /** A server that names a state must be able to prove it. */
  #unproved(scope: TrustScope, state: State, error: unknown): unknown {
    const refused = error instanceof CallError && error.code === 'refused' && !isAboutLogin(error);
    if (!refused) return error;
    const damage = damageOf(error, scope);
    if (damage !== undefined) return damage;
    if (!/not found|illegal (?:state|arguments)/.test(error.details)) return error;
    return this.#failure(scope, {
      check: 'proof',
      reason: 'the server does not prove the state that it names',
      expected: `a proof of ${stateText(state)}`,
      found: error.details,
    });
  }

  /** One after the other, so that only other processes can be in the way. */
  #advance(
    scope: TrustScope,
    base: State | undefined,
    next: State,
    options: CallOptions,
  ): Promise<void> {
    const run = () => this.#advanceNow(scope, base, next, options);
    const result = this.#advancing.then(run, run);
    this.#advancing = result.catch(() => {});
    return result;
  }

  /** Another call may have advanced meanwhile: then both states must be of one history. */
  async #advanceNow(
    scope: TrustScope,
    base: State | undefined,
    next: State,
    options: CallOptions,
  ): Promise<void> {
    let stored = base;
    for (let tries = 0; tries < ADVANCE_TRIES; tries++) {
      if (sameState(stored, next)) return;
      if (stored !== undefined && stored.txId === next.txId) {
        throw this.#replaced(scope, stored, next);
      }
      if (stored !== undefined && stored.txId > next.txId) return;
      if (await this.#store.replace(scope, stored, next)) return;
      stored = await this.#store.load(scope);
      if (stored !== undefined && !sameState(stored, next)) {
        await this.#linkStates(scope, stored, next, options);
      }
    }
    // Others advance faster than this answer can be linked: it is verified, and theirs is newer.
  }

  async #linkStates(scope: TrustScope, a: State, b: State, options: CallOptions): Promise<void> {
    const [older, newer] = a.txId < b.txId ? [a, b] : [b, a];
    if (older.txId === newer.txId) {
      if (!equalBytes(older.txHash, newer.txHash)) throw this.#replaced(scope, a, b);
      return;
    }
    await this.#prove(scope, newer, this.#trust(scope, older), options);
  }

  #trust({ database }: TrustScope, base: State | undefined): Trust {
    const verifier = this.#verifier;
    return {
      state: base ?? NOTHING,
      ...(verifier === undefined ? {} : { signing: { db: database, verifier } }),
    };
  }

  #judge(scope: TrustScope, trust: Trust, check: () => StateVerdict): State {
    const verdict = this.#parse(scope, check);
    if (verdict.ok) return verdict.state;
    const { reason } = verdict;
    if (/sign/.test(reason)) throw this.#signature(scope, reason, 'an answer that is not');
    throw this.#failure(scope, {
      check: 'proof',
      reason,
      expected:
        trust.state.txId === 0
          ? 'an answer that proves itself'
          : `an answer that continues ${stateText(trust.state)}`,
      found: 'one that does not',
    });
  }

  /** A verifiable answer that cannot even be read is as bad as one that does not hold. */
  #parse<T>(scope: TrustScope, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      const unreadable =
        error instanceof WireDecodeError ||
        (error instanceof ClientError && error.code === 'answerInvalid');
      if (!unreadable) throw error;
      throw this.#failure(
        scope,
        {
          check: 'answer',
          reason: 'the answer cannot be checked',
          expected: 'a complete proof',
          found: error.message,
        },
        error,
      );
    }
  }

  async #scope(): Promise<TrustScope> {
    const { address, database, serverUuid } = this.#source;
    const server = serverUuid ?? `address:${address}`;
    const scope = { server, database };
    const pinned = await this.#store.pin(address, server);
    if (pinned !== server) throw this.#otherServer(scope, pinned, server);
    return scope;
  }

  #checkIdentity(scope: TrustScope): void {
    const { serverUuid, address } = this.#source;
    const server = serverUuid ?? `address:${address}`;
    if (server !== scope.server) throw this.#otherServer(scope, scope.server, server);
  }

  #otherServer(scope: TrustScope, expected: string, found: string): VerificationError {
    return this.#failure(scope, {
      check: 'identity',
      reason: `another server answers at ${this.#source.address}`,
      expected: `server ${expected}`,
      found: `server ${found}`,
    });
  }

  #older(scope: TrustScope, base: State, current: State): VerificationError {
    return this.#failure(scope, {
      check: 'rollback',
      reason: 'the history of the server ends before the trusted state: it was rolled back',
      expected: `${stateText(base)} or a newer one`,
      found: stateText(current),
    });
  }

  #replaced(scope: TrustScope, base: State, current: State): VerificationError {
    return this.#failure(scope, {
      check: 'history',
      reason: 'the history of the server is another one than the trusted state is of',
      expected: stateText(base),
      found: stateText(current),
    });
  }

  #signature(scope: TrustScope, reason: string, found: string): VerificationError {
    return this.#failure(scope, {
      check: 'signature',
      reason,
      expected: 'a signature of the configured server key',
      found,
    });
  }

  #failure(
    { server, database }: TrustScope,
    failure: VerificationFailure,
    cause?: Error,
  ): VerificationError {
    return new VerificationError({ ...failure, server, database }, cause && { cause });
  }
}

function isAboutLogin({ details }: CallError): boolean {
  return /login|logged in|permission|token|session|select/i.test(details);
}

/** @throws WireDecodeError */
export function provedTx(message: pb.VerifiableTx | undefined): ProvedTx {
  const signature = signatureFromMessage(message?.signature)?.signature;
  return {
    header: transactionFromMessage(message?.tx).header,
    dualProof: dualProofFromMessage(message?.dualProof),
    ...(signature === undefined ? {} : { signature }),
  };
}
