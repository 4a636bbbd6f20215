import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Database, readRecords } from '../../database/index.js';
import { type ProvedEntry, type State, verifyGet } from '../../proofs/index.js';
import {
  CHECKPOINT_PREFIX,
  type Checkpoint,
  parseCheckpoint,
  parseSeal,
  SEAL_PREFIX,
  sealKey,
} from '../records.js';
import { AuditFileError } from './errors.js';
import type { SealSource, StoredSeal } from './seal-source.js';

/** A seal with the proof that it stands in a database whose state is known. */
export interface ProvedSeal {
  readonly db: string;
  readonly state: State;
  readonly entry: ProvedEntry;
}

/**
 * The seals in a database that is open in this process. Each is proved against the state that the caller
 * trusts; without one, against the state that the database has, which shows only that it is of one piece.
 */
export function databaseSeals(database: Database, name: string, trusted?: State): SealSource {
  const state = trusted ?? database.state();
  const proved = (key: string): ProvedSeal => {
    if (state.txId > database.state().txId) {
      throw new AuditFileError(
        'sealsNotVerified',
        `${name} ends with transaction ${database.state().txId}, before the trusted ${state.txId}`,
      );
    }
    const request = { key: Buffer.from(key), atTx: 0, sinceTx: 0, noWait: false, atRevision: 0 };
    const { entry, verifiableTx, inclusionProof } = database.verifiableGet(request, state.txId);
    const answer: ProvedEntry = {
      txId: entry.tx,
      key: entry.key,
      value: entry.value,
      metadata: entry.metadata,
      inclusionProof,
      header: verifiableTx.tx.header,
      dualProof: verifiableTx.dualProof,
    };
    const verdict = verifyGet({ key: request.key }, answer, { state });
    if (!verdict.ok) {
      throw new AuditFileError('sealsNotVerified', `${name}, ${key}: ${verdict.reason}`);
    }
    return { db: name, state, entry: answer };
  };
  return {
    async seals() {
      const seals: StoredSeal[] = [];
      for await (const { key } of readRecords(database, SEAL_PREFIX)) {
        seals.push(storedSeal(key, Buffer.from(proved(key).entry.value)));
        // A proof takes milliseconds of a thread that a server needs.
        await nextTurn();
      }
      return seals;
    },
    async checkpoint() {
      let newest: Checkpoint | undefined;
      for await (const { value } of readRecords(database, CHECKPOINT_PREFIX)) {
        newest = parseCheckpoint(value) ?? newest;
      }
      return newest;
    },
    proof: async ({ seal }) => proved(sealKey(seal.file_no)),
  };
}

/** @throws AuditFileError when the value is no seal of that key */
export function storedSeal(key: string, value: Buffer): StoredSeal {
  const seal = parseSeal(value);
  if (!seal || sealKey(seal.file_no) !== key) {
    throw new AuditFileError('sealsNotVerified', `${key} does not hold the seal of its file`);
  }
  return { seal, value };
}
