import path from 'node:path';
import { type ChainHead, EMPTY_CHAIN } from '../chain.js';
import { parseNativeEvent } from '../formats/convert.js';
import { type Checkpoint, NO_SEAL, type Seal } from '../records.js';
import { type AuditFile, listAuditFiles } from './files.js';
import { KeyChain } from './key-chain.js';
import type { Problem, VerifyReport } from './report.js';
import { type FileScan, scanFile } from './scan.js';
import { type SealSource, type StoredSeal, sealHash } from './seal-source.js';
import { TransactionCheck } from './transactions.js';

export interface VerifyOptions {
  /** Of the live file; the closed ones stand beside it. */
  readonly path: string;
  /** Without it only the chain is checked. */
  readonly source?: SealSource | undefined;
  /** Lines behind this one are left: a server is just writing them. Asked before each file. */
  readonly lastSeq?: (() => number) | undefined;
  /** Called after each file. */
  readonly onProgress?: ((files: number, of: number) => void) | undefined;
}

const NOTED = new Set(['audit.file_deleted', 'audit.key_rotated', 'audit.opened']);

/**
 * Checks the files of a stream, each line once and none of them kept: the chain inside and across files,
 * every sealed file against its seal, the seals against each other, the live file against the newest
 * checkpoint.
 * @throws what reading throws; what is wrong with the evidence is in the report
 */
export async function verifyAudit(options: VerifyOptions): Promise<VerifyReport> {
  const started = performance.now();
  const files = await listAuditFiles(options.path);
  const seals = (await options.source?.seals()) ?? [];
  const checkpoint = await options.source?.checkpoint();
  const check = new Check(options, seals, checkpoint);
  for (const [at, file] of files.entries()) {
    await check.file(file);
    options.onProgress?.(at + 1, files.length);
  }
  return check.report(files.length, performance.now() - started);
}

class Check {
  readonly #options: VerifyOptions;
  readonly #seals: ReadonlyMap<number, Seal>;
  readonly #lastSeal: Seal | undefined;
  readonly #checkpoint: Checkpoint | undefined;
  readonly #problems: Problem[] = [];
  readonly #present = new Set<number>();
  readonly #deleted = new Set<number>();
  readonly #transactions = new TransactionCheck();
  readonly #keys = new KeyChain();
  #sealsChecked = 0;
  #filesUnsealed = 0;
  #checkpointChecked = false;
  #lines = 0;
  #bytes = 0;
  #firstSeq: number | undefined;
  #head: ChainHead | undefined;
  #before: { readonly sha256: string; readonly fileNo: number } | undefined;
  #lastFileNo = 0;
  #last: { readonly file: AuditFile; readonly lines: number } | undefined;

  constructor(
    options: VerifyOptions,
    seals: readonly StoredSeal[],
    checkpoint: Checkpoint | undefined,
  ) {
    this.#options = options;
    this.#seals = new Map(seals.map(({ seal }) => [seal.file_no, seal]));
    this.#lastSeal = seals.at(-1)?.seal;
    this.#checkpoint = checkpoint;
    this.#problems.push(...sealChainProblems(seals));
  }

  async file(file: AuditFile): Promise<void> {
    const fileNo = file.fileNo ?? Math.max(this.#lastFileNo, this.#lastSeal?.file_no ?? 0) + 1;
    const seal = file.fileNo === undefined ? undefined : this.#seals.get(fileNo);
    this.#present.add(fileNo);
    const before = this.#headBefore(fileNo, seal);
    const scan = await scanFile(file, {
      before,
      markSeq: seal ? undefined : this.#checkpoint?.up_to_seq,
      lastSeq: this.#options.lastSeq?.(),
      note: NOTED,
      each: (name, line) => this.#transactions.line(name, line),
    });
    this.#lines += scan.lines;
    this.#bytes += scan.bytes;
    this.#firstSeq ??= scan.firstSeq;
    this.#problems.push(...scan.problems);
    if (scan.tailBytes > 0) this.#tail(file, scan);
    if (seal) this.#sealed(file, seal, scan);
    else this.#unsealed(file, fileNo, scan);
    this.#noted(file, fileNo, scan);
    this.#head = seal ? { seq: seal.last_seq, hash: seal.head } : (scan.head ?? before);
    this.#before = { sha256: scan.sha256, fileNo };
    this.#lastFileNo = fileNo;
    this.#last = { file, lines: scan.lines };
  }

  /** Where the chain must stand before a file, even when files before it are gone. */
  #headBefore(fileNo: number, seal: Seal | undefined): ChainHead | undefined {
    if (fileNo === this.#lastFileNo + 1 && this.#head) return this.#head;
    const previous = this.#seals.get(fileNo - 1);
    if (previous) return { seq: previous.last_seq, hash: previous.head };
    if (fileNo === 1 || seal?.first_seq === 1) return EMPTY_CHAIN;
    return undefined;
  }

  #sealed(file: AuditFile, seal: Seal, scan: FileScan): void {
    this.#sealsChecked++;
    const said = this.#problems.length;
    this.#compare(file, seal, scan);
    // One reason is enough: a changed line changes head, root and hash as well.
    const found = this.#problems.slice(0, said).some((problem) => problem.file === file.name);
    if (found) this.#problems.length = said;
  }

  #compare(file: AuditFile, seal: Seal, scan: FileScan): void {
    const { head } = scan;
    if (scan.lines < seal.lines) {
      const seq = head ? head.seq + 1 : seal.first_seq;
      const missing = seal.lines - scan.lines;
      const what = `cut short: ${missing} lines that were sealed are missing`;
      this.#add(file, 'seal', scan.lines + 1, seq, what);
    } else if (scan.lines > seal.lines) {
      const what = `${scan.lines - seal.lines} lines were added after the seal`;
      this.#add(file, 'seal', seal.lines + 1, seal.last_seq + 1, what);
    } else if (scan.firstSeq !== seal.first_seq) {
      const what = `begins with seq ${scan.firstSeq}, the seal says ${seal.first_seq}`;
      this.#add(file, 'seal', 1, seal.first_seq, what);
    } else if (head?.hash !== seal.head) {
      this.#add(
        file,
        'seal',
        seal.lines,
        seal.last_seq,
        'the last line is not the one that was sealed',
      );
    } else if (scan.sha256 !== seal.sha256 || scan.bytes !== seal.bytes) {
      this.#add(file, 'seal', undefined, undefined, 'the bytes are not those that were sealed');
    } else if (scan.merkleRoot !== seal.merkle_root) {
      this.#add(
        file,
        'seal',
        undefined,
        undefined,
        'the tree over the lines is not the sealed one',
      );
    }
  }

  /** The live file, and the newest closed ones while their seals are not written yet. */
  #unsealed(file: AuditFile, fileNo: number, scan: FileScan): void {
    if (file.fileNo !== undefined) this.#filesUnsealed++;
    if (fileNo < (this.#lastSeal?.file_no ?? 0)) {
      this.#add(file, 'seal', undefined, undefined, `file ${fileNo} has no seal`);
    }
    const { mark } = scan;
    const checkpoint = this.#checkpoint;
    if (!mark || !checkpoint) return;
    this.#checkpointChecked = true;
    const holds =
      mark.head === checkpoint.head &&
      mark.merkleRoot === checkpoint.merkle_root &&
      mark.lines === checkpoint.lines;
    if (!holds && scan.problems.length === 0) {
      const what = 'the lines are not those that the checkpoint saw';
      this.#add(file, 'checkpoint', mark.lines, checkpoint.up_to_seq, what);
    }
  }

  /** A checkpoint saw lines that no file has. */
  #behindCheckpoint(): void {
    const checkpoint = this.#checkpoint;
    if (!checkpoint || this.#checkpointChecked) return;
    if (checkpoint.up_to_seq <= (this.#lastSeal?.last_seq ?? 0)) return;
    const seq = (this.#head?.seq ?? this.#lastSeal?.last_seq ?? 0) + 1;
    const last = this.#last;
    if (last?.file.fileNo !== undefined || !last) {
      const what = 'missing: a checkpoint saw lines of the file that is being written';
      this.#problems.push({
        kind: 'missingFile',
        file: path.basename(this.#options.path),
        line: undefined,
        seq,
        what,
      });
    } else if (seq <= checkpoint.up_to_seq) {
      const what = `cut short: seq ${seq} to ${checkpoint.up_to_seq} that a checkpoint saw are missing`;
      this.#add(last.file, 'checkpoint', last.lines + 1, seq, what);
    } else if (this.#problems.length === 0) {
      const what = `seq ${checkpoint.up_to_seq} that a checkpoint saw is missing`;
      this.#add(last.file, 'checkpoint', undefined, checkpoint.up_to_seq, what);
    }
  }

  #tail(file: AuditFile, scan: FileScan): void {
    const what = `${scan.tailBytes} bytes after the last line are no event`;
    this.#add(file, 'tail', scan.lines + 1, (scan.head?.seq ?? 0) + 1, what);
  }

  #noted(file: AuditFile, fileNo: number, scan: FileScan): void {
    const events = scan.noted.map(({ line }) => parseNativeEvent(line));
    this.#keys.file(events);
    for (const [at, event] of events.entries()) {
      if (!event) continue;
      const { file_no: deleted, previous_sha256: previous } = event.event_data;
      if (event.event_name === 'audit.file_deleted' && typeof deleted === 'number') {
        this.#deleted.add(deleted);
      }
      const isFirst = at === 0 && event.seq === scan.firstSeq;
      if (event.event_name !== 'audit.opened' || !isFirst) continue;
      const what = this.#keys.opened(event, fileNo, this.#seals.get(fileNo));
      if (what !== undefined) this.#add(file, 'key', 1, event.seq, what);
      if (this.#before?.fileNo !== fileNo - 1) continue;
      if (typeof previous === 'string' && previous !== this.#before.sha256 && previous !== '') {
        this.#opened(file, event.seq);
      }
    }
  }

  #opened(file: AuditFile, seq: number): void {
    if (this.#problems.length > 0) return;
    const what = 'the file before is not the one that this file was opened after';
    this.#add(file, 'chain', 1, seq, what);
  }

  #missing(): void {
    for (const [fileNo, seal] of this.#seals) {
      if (this.#present.has(fileNo) || this.#deleted.has(fileNo)) continue;
      const what = `missing, and no event records that file ${fileNo} was deleted`;
      this.#problems.push({
        kind: 'missingFile',
        file: seal.file,
        line: undefined,
        seq: seal.first_seq,
        what,
      });
    }
    for (let fileNo = 1; fileNo < this.#lastFileNo; fileNo++) {
      const known = this.#seals.has(fileNo) || this.#present.has(fileNo);
      if (known || this.#deleted.has(fileNo)) continue;
      const file = `file ${fileNo}`;
      const what = `missing, and no event records that file ${fileNo} was deleted`;
      this.#problems.push({ kind: 'missingFile', file, line: undefined, seq: undefined, what });
    }
  }

  #add(
    file: AuditFile,
    kind: Problem['kind'],
    line: number | undefined,
    seq: number | undefined,
    what: string,
  ): void {
    this.#problems.push({ kind, file: file.name, line, seq, what });
  }

  /** Lines that were touched are the reason for what they do not say any more. */
  #transactionsChecked(): number | undefined {
    if (this.#problems.length > 0) return undefined;
    const result = this.#transactions.result(this.#checkpoint);
    for (const { database, from, to } of result?.missing ?? []) {
      const which = from === to ? `transaction ${from}` : `transactions ${from} to ${to}`;
      this.#problems.push({
        kind: 'transaction',
        file: database,
        line: undefined,
        seq: undefined,
        what: `${which} of this database without event`,
      });
    }
    return result?.checked;
  }

  report(files: number, elapsedMs: number): VerifyReport {
    this.#missing();
    this.#behindCheckpoint();
    const transactions = this.#transactionsChecked();
    return {
      ok: this.#problems.length === 0,
      files,
      lines: this.#lines,
      bytes: this.#bytes,
      firstSeq: this.#firstSeq,
      lastSeq: this.#head?.seq,
      head: this.#head?.hash,
      sealsChecked: this.#sealsChecked,
      filesUnsealed: this.#filesUnsealed,
      checkpointChecked: this.#checkpointChecked,
      deletedFiles: this.#deleted.size,
      transactionsChecked: transactions,
      problems: this.#problems,
      elapsedMs: Math.round(elapsedMs),
    };
  }
}

/** Each seal holds the hash of the one before, so none can be changed or taken out alone. */
function sealChainProblems(seals: readonly StoredSeal[]): Problem[] {
  const problems: Problem[] = [];
  let before: StoredSeal | undefined;
  for (const current of seals) {
    const { seal } = current;
    const expected = before ? sealHash(before.value) : NO_SEAL;
    const say = (of: Seal, what: string): void => {
      problems.push({ kind: 'sealChain', file: of.file, line: undefined, seq: of.first_seq, what });
    };
    const follows = before && seal.file_no === before.seal.file_no + 1;
    if (seal.prev_seal !== expected) {
      if (before)
        say(before.seal, 'the seal was changed: it is not what the next seal was chained to');
      else say(seal, 'the seals before it are missing');
    } else if (before && follows && seal.first_seq !== before.seal.last_seq + 1) {
      say(
        seal,
        `the seal begins with seq ${seal.first_seq}, the one before ends with ${before.seal.last_seq}`,
      );
    }
    before = current;
  }
  return problems;
}
