import type {
  Database,
  Entry,
  ReferenceInfo,
  StreamedEntry,
  Tx,
  VerifiableEntry,
  VerifiableTx,
  ZEntry,
} from '../../database/index.js';
import { alhOf, type State, type StateSigner } from '../../proofs/index.js';
import {
  dualProofToMessage,
  type Init,
  inclusionProofToMessage,
  kvMetadataToMessage,
  type pb,
  txHeaderToMessage,
} from '../../wire/index.js';

/** What the database answers, as messages. Metadata that says nothing is left out, never empty. */

const NO_BYTES = new Uint8Array(0);

export function entryToMessage(entry: Entry): Init<pb.Entry> {
  const { tx, key, value, referencedBy, metadata, expired, revision } = entry;
  return {
    tx,
    key,
    value,
    revision,
    expired,
    metadata: kvMetadataToMessage(metadata),
    referencedBy: referencedBy === undefined ? undefined : referenceToMessage(referencedBy),
  };
}

/** An entry whose value travels in a frame of its own. */
export function streamedEntryToMessage(entry: StreamedEntry): Init<pb.Entry> {
  const { tx, key, referencedBy, metadata, expired, revision } = entry;
  return {
    tx,
    key,
    revision,
    expired,
    metadata: kvMetadataToMessage(metadata),
    referencedBy: referencedBy === undefined ? undefined : referenceToMessage(referencedBy),
  };
}

function referenceToMessage(reference: ReferenceInfo): Init<pb.Reference> {
  const { tx, key, atTx, metadata, revision } = reference;
  return { tx, key, atTx, revision, metadata: kvMetadataToMessage(metadata) };
}

export function zEntryToMessage(zEntry: ZEntry): Init<pb.ZEntry> {
  const { set, key, score, atTx, entry } = zEntry;
  return {
    set,
    key,
    score,
    atTx,
    entry: entry === undefined ? undefined : entryToMessage(entry),
  };
}

export function txToMessage(tx: Tx): Init<pb.Tx> {
  return {
    header: txHeaderToMessage(tx.header),
    entries: tx.entries.map((entry) => ({
      key: entry.rawKey,
      hValue: entry.hValue,
      vLen: entry.vLen,
      metadata: kvMetadataToMessage(entry.metadata),
      value: entry.rawValue ?? NO_BYTES,
    })),
    kvEntries: tx.kvEntries.map(entryToMessage),
    zEntries: tx.zEntries.map(zEntryToMessage),
  };
}

/** Signs states of one database; does nothing without a key. */
export class DatabaseSigner {
  readonly #signer: StateSigner | undefined;
  readonly #database: string;

  constructor(signer: StateSigner | undefined, database: Pick<Database, 'name'>) {
    this.#signer = signer;
    this.#database = database.name;
  }

  signature(state: State): Init<pb.Signature> | undefined {
    if (this.#signer === undefined) return undefined;
    const signature = this.#signer.sign(this.#database, state);
    return { publicKey: this.#signer.publicKey, signature };
  }

  stateToMessage(state: State): Init<pb.ImmutableState> {
    const { txId, txHash } = state;
    return {
      db: this.#database,
      txId,
      txHash,
      signature: this.signature(state),
      precommittedTxId: txId,
      precommittedTxHash: txHash,
    };
  }

  /** The signature is over the state that the dual proof leads to. */
  verifiableTxToMessage({ tx, dualProof }: VerifiableTx): Init<pb.VerifiableTx> {
    const target = dualProof.targetTxHeader;
    return {
      tx: txToMessage(tx),
      dualProof: dualProofToMessage(dualProof),
      signature:
        this.#signer === undefined
          ? undefined
          : this.signature({ txId: target.id, txHash: alhOf(target) }),
    };
  }

  verifiableEntryToMessage(verifiable: VerifiableEntry): Init<pb.VerifiableEntry> {
    return {
      entry: entryToMessage(verifiable.entry),
      verifiableTx: this.verifiableTxToMessage(verifiable.verifiableTx),
      inclusionProof: inclusionProofToMessage(verifiable.inclusionProof),
    };
  }
}
