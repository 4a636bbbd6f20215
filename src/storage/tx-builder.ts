import { sha256 } from '../base/sha256.js';
import {
  alhOf,
  encodeKvMetadata,
  entryDigestInto,
  type HeaderVersion,
  hashTreeRoot,
  type KvMetadata,
  type State,
  type TreeAppender,
  type TxHeader,
  type TxMetadata,
  ZERO_HASH,
} from '../proofs/index.js';
import type { IndexedEntry } from './index-changes.js';
import { INLINE_VALUE_BYTES_MAX } from './layout.js';
import { encodeTx } from './tx-encoder.js';
import type { EncodedTx, LogEntry } from './tx-record.js';

/** A raw value that was staged in the blob table. */
export interface StagedRawValue {
  readonly blobId: number;
  /** Bytes of the raw value. */
  readonly length: number;
  readonly hValue: Buffer;
  /** First byte of the raw value. */
  readonly kind: number;
}

export interface DraftEntry {
  readonly rawKey: Buffer;
  readonly metadata?: KvMetadata;
  readonly value: Buffer | StagedRawValue;
}

export interface TxDraft {
  readonly entries: readonly DraftEntry[];
  readonly version: HeaderVersion;
  /** Unix seconds. */
  readonly ts: number;
  readonly metadata?: TxMetadata;
  /** Gives ids to the values that do not fit the log. */
  allocateBlob(): number;
}

export interface BuiltTx {
  readonly header: TxHeader;
  readonly alh: Buffer;
  readonly encoded: EncodedTx;
  readonly indexed: readonly IndexedEntry[];
  /** Nodes of the accumulative tree that this transaction closes, by rising level. */
  readonly treeNodes: readonly Uint8Array[];
  readonly blobs: readonly { readonly blobId: number; readonly rawValue: Buffer }[];
  /** Staged blobs that belong to this transaction from now on. */
  readonly adopted: readonly number[];
  readonly bytes: number;
}

const NO_METADATA = Buffer.alloc(0);

/**
 * Hashes and encodes one transaction on top of `state`, and appends its Alh to the tree.
 * Deterministic: the same draft on the same state gives the same bytes.
 */
export function buildTx(draft: TxDraft, state: State, appender: TreeAppender): BuiltTx {
  const { entries, version } = draft;
  const digests = Buffer.allocUnsafe(32 * entries.length);
  const logEntries: LogEntry[] = [];
  const indexed: IndexedEntry[] = [];
  const blobs: { blobId: number; rawValue: Buffer }[] = [];
  const adopted: number[] = [];
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    const { rawKey, metadata, value } = entries[i] as DraftEntry;
    const encodedMetadata = metadata === undefined ? NO_METADATA : encodeKvMetadata(metadata);
    const inLog = Buffer.isBuffer(value) && value.length <= INLINE_VALUE_BYTES_MAX;
    const hValue = Buffer.isBuffer(value) ? sha256(value) : value.hValue;
    let blobId = 0;
    if (!Buffer.isBuffer(value)) {
      blobId = value.blobId;
      adopted.push(blobId);
    } else if (!inLog) {
      blobId = draft.allocateBlob();
      blobs.push({ blobId, rawValue: value });
      bytes += value.length;
    }
    logEntries.push({
      rawKey,
      metadata: encodedMetadata,
      hValue,
      vLen: value.length,
      blobId,
      inline: inLog ? value : undefined,
      truncated: false,
    });
    indexed.push({
      rawKey,
      metadata: encodedMetadata,
      valueKind: Buffer.isBuffer(value) ? value[0] : value.kind,
    });
    entryDigestInto(digests, 32 * i, version, encodedMetadata, rawKey, hValue);
  }
  const header: TxHeader = {
    id: state.txId + 1,
    prevAlh: state.txHash,
    ts: draft.ts,
    version,
    nentries: entries.length,
    eH: hashTreeRoot(digests),
    blTxId: state.txId,
    blRoot: state.txId === 0 ? ZERO_HASH : appender.root(),
    ...(draft.metadata === undefined ? {} : { metadata: draft.metadata }),
  };
  const alh = alhOf(header);
  const encoded = encodeTx(header, alh, logEntries);
  const treeNodes = appender.append(alh);
  return { header, alh, encoded, indexed, treeNodes, blobs, adopted, bytes: bytes + encoded.bytes };
}
