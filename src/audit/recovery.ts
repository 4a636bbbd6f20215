import { link, open, readdir, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '../base/durable-file.js';
import { sha256 } from '../base/sha256.js';
import { vouchesForTx } from './catalogue.js';
import { type ChainHead, EMPTY_CHAIN } from './chain.js';
import type { EventData } from './event.js';
import { parseRotatedName, type RotatedName, rotatedName, type StreamNames } from './file-names.js';
import type { LineFormat } from './line.js';
import { LiveFile } from './live-file.js';
import type { Checkpoint, Seal } from './records.js';
import { type ScannedFile, scanFile } from './scan-file.js';
import type { ClosedFile, ResumedFile } from './stream-files.js';

/** What a start found on disk, and what it will say about it. */
export interface Recovered {
  readonly head: ChainHead;
  /** The last number that was used. */
  readonly fileNo: number;
  readonly previous: { readonly file: string; readonly sha256: string } | undefined;
  /** Of the key that the newest file was opened with. */
  readonly keyId: string | undefined;
  /** The live file, to go on with. */
  readonly resumed: ResumedFile | undefined;
  /** Closed and not sealed. */
  readonly closed: readonly ClosedFile[];
  /** For `audit.recovered`. */
  readonly torn: EventData | undefined;
  /** For `tamper.detected`. */
  readonly tampered: readonly EventData[];
  /** By database: transactions that lines after the checkpoint name. */
  readonly txs: ReadonlyMap<string, readonly number[]>;
  /** Databases that were deleted after the checkpoint. */
  readonly deleted: ReadonlySet<string>;
  /** Whether the last server stopped in order. */
  readonly clean: boolean;
}

export interface RecoveryInput {
  readonly names: StreamNames;
  /** The one that is written, and all that may be found. */
  readonly format: LineFormat;
  readonly formats: readonly LineFormat[];
  readonly keyId: string;
  /** Whether lines are on disk when they are written. */
  readonly sync: boolean;
  readonly seal: Seal | undefined;
  readonly checkpoint: Checkpoint | undefined;
  readonly nowMs: number;
}

/** Reads what the last server left. Cuts an unfinished batch off the live file, and changes nothing else. */
export function recover(input: RecoveryInput): Promise<Recovered> {
  return new Recovery(input).run();
}

interface FileFacts {
  readonly format: LineFormat;
  fileNo: number | undefined;
  keyId: string;
  openedAt: number;
}

/** Of the longest first line. */
const FIRST_LINE_BYTES_MAX = 65_536;

class Recovery {
  readonly #input: RecoveryInput;
  readonly #tampered: EventData[] = [];
  readonly #closed: ClosedFile[] = [];
  readonly #txs = new Map<string, number[]>();
  readonly #deleted = new Set<string>();
  #head: ChainHead = EMPTY_CHAIN;
  #fileNo: number;
  #previous: Recovered['previous'];
  #torn: EventData | undefined;
  /** Hash of the line that the checkpoint names, once it was met. */
  #checkpointLine: string | undefined;
  #liveFormat: LineFormat;

  constructor(input: RecoveryInput) {
    const { seal } = input;
    this.#input = input;
    this.#liveFormat = input.format;
    this.#fileNo = seal?.file_no ?? 0;
    if (seal === undefined) return;
    this.#head = { seq: seal.last_seq, hash: seal.head };
    this.#previous = { file: seal.file, sha256: seal.sha256 };
    if ((input.checkpoint?.up_to_seq ?? 0) <= seal.last_seq) {
      this.#checkpointLine = input.checkpoint?.head;
    }
  }

  async run(): Promise<Recovered> {
    for (const name of await this.#unsealed()) await this.#readClosed(name);
    const live = await this.#readLive();
    const liveHead = this.#head;
    this.#checkCheckpoint();
    const { checkpoint } = this.#input;
    const torn = this.#torn;
    const goesOn = this.#tampered.length === 0 && this.#liveFormat === this.#input.format;
    const resumed = goesOn ? live : await this.#close(live, liveHead);
    const head = this.#head;
    return {
      head,
      fileNo: Math.max(this.#fileNo, checkpoint?.file_no ?? 0),
      previous: this.#previous,
      keyId: live?.keyId ?? this.#closed.at(-1)?.key_id ?? this.#input.seal?.key_id,
      resumed,
      closed: this.#closed,
      torn,
      tampered: this.#tampered,
      txs: this.#txs,
      deleted: this.#deleted,
      clean: checkpoint?.clean === true && head.seq <= checkpoint.up_to_seq + 1,
    };
  }

  /** Closed files after the last seal, by number. */
  async #unsealed(): Promise<RotatedName[]> {
    const { names, seal } = this.#input;
    const found = (await readdir(names.folder))
      .map((file) => parseRotatedName(names, file))
      .filter((name) => name !== undefined)
      .filter(({ fileNo, compressed }) => fileNo > (seal?.file_no ?? 0) && !compressed)
      .sort((a, b) => a.fileNo - b.fileNo);
    const last = found.at(-1);
    if (last !== undefined) await this.#finishRename(last.file);
    return found;
  }

  /** A crash may have come between the new name and the end of the old one. */
  async #finishRename(file: string): Promise<void> {
    const { folder, live } = this.#input.names;
    const livePath = path.join(folder, live);
    const inode = (await stat(livePath).catch(() => undefined))?.ino;
    if (inode === undefined || inode !== (await stat(path.join(folder, file))).ino) return;
    await unlink(livePath);
    await syncDirectory(folder);
  }

  async #readClosed({ fileNo, file }: RotatedName): Promise<void> {
    const { scanned, facts } = await this.#scan(path.join(this.#input.names.folder, file));
    if (scanned.brokenAt < scanned.bytes) {
      this.#accuse(fileNo, scanned, 'a line does not continue the chain');
    }
    this.#fileNo = fileNo;
    this.#addClosed(file, fileNo, scanned.digest, scanned.head, facts, 'io_error');
  }

  async #readLive(): Promise<ResumedFile | undefined> {
    const { folder, live } = this.#input.names;
    const file = path.join(folder, live);
    if ((await stat(file).catch(() => undefined)) === undefined) return undefined;
    const { scanned, facts } = await this.#scan(file);
    this.#fileNo = facts.fileNo ?? this.#fileNo + 1;
    this.#liveFormat = facts.format;
    if (scanned.tampered) this.#accuse(this.#fileNo, scanned, 'a line does not continue the chain');
    else if (scanned.brokenAt < scanned.bytes) await this.#cut(file, scanned);
    const { digest } = scanned;
    const resumed = await LiveFile.resume(file, digest.bytes, this.#input.sync);
    return { file: resumed, digest, openedAt: facts.openedAt, keyId: facts.keyId };
  }

  /** As its first line is written. */
  async #formatOf(file: string): Promise<LineFormat> {
    const { format, formats } = this.#input;
    const handle = await open(file, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(FIRST_LINE_BYTES_MAX));
      const [line = ''] = buffer.subarray(0, bytesRead).toString().split('\n', 1);
      return [format, ...formats].find((one) => one.placeOf(line) !== undefined) ?? format;
    } finally {
      await handle.close();
    }
  }

  async #scan(file: string): Promise<{ scanned: ScannedFile; facts: FileFacts }> {
    const { keyId, nowMs, checkpoint } = this.#input;
    const format = await this.#formatOf(file);
    const facts: FileFacts = { format, fileNo: undefined, keyId, openedAt: nowMs };
    let isFirst = true;
    const after = checkpoint?.up_to_seq ?? 0;
    const scanned = await scanFile(file, format, (line, { seq, hash }) => {
      if (seq === after) this.#checkpointLine = hash;
      if (isFirst) this.#noteOpening(line, facts);
      else if (seq > after) this.#noteTx(line, format);
      isFirst = false;
    });
    if (scanned.digest.lines > 0) this.#head = scanned.head;
    return { scanned, facts };
  }

  #noteOpening(line: string, facts: FileFacts): void {
    const { format } = facts;
    const place = format.placeOf(line);
    if (place?.prev !== this.#head.hash || place.seq !== this.#head.seq + 1) {
      this.#tampered.push({
        actual: place?.prev ?? '',
        expected: this.#head.hash,
        file_no: this.#fileNo + 1,
        seq: this.#head.seq + 1,
        where: 'audit_chain',
      });
    }
    const event = format.parse(line);
    const { file_no: fileNo, key_id: keyId } = event?.event_data ?? {};
    if (typeof fileNo === 'number') facts.fileNo = fileNo;
    if (typeof keyId === 'string') facts.keyId = keyId;
    const at = Date.parse(event?.event_time ?? '');
    if (!Number.isNaN(at)) facts.openedAt = at;
  }

  #noteTx(line: string, format: LineFormat): void {
    const event = format.parse(line);
    if (event === undefined) return;
    const { tx_id: txId, to_tx: to, db, target_db: target, outcome } = event.event_data;
    const deletes = event.event_name === 'database.delete' && outcome === 'success';
    if (deletes && typeof target === 'string') {
      this.#deleted.add(target);
      this.#txs.delete(target);
    }
    if (!vouchesForTx(event.event_name, event.read_only)) return;
    if (typeof txId !== 'number' || typeof db !== 'string') return;
    const ids = this.#txs.get(db) ?? [];
    for (let id = txId; id <= (typeof to === 'number' ? to : txId); id++) ids.push(id);
    this.#txs.set(db, ids);
  }

  /** Moves what a crash left of a batch out of the live file. */
  async #cut(file: string, { brokenAt, bytes }: ScannedFile): Promise<void> {
    const { names, nowMs } = this.#input;
    const handle = await open(file, 'r+');
    try {
      const torn = Buffer.alloc(bytes - brokenAt);
      await handle.read(torn, 0, torn.length, brokenAt);
      const keep = path.join(names.folder, `${names.stem}.torn.${nowMs}.${this.#fileNo}`);
      await writeFile(keep, torn, { mode: 0o600 });
      await truncate(file, brokenAt);
      await handle.sync();
      await syncDirectory(names.folder);
      this.#torn = {
        last_seq: this.#head.seq,
        torn_bytes: torn.length,
        torn_sha256: sha256(torn).toString('hex'),
      };
    } finally {
      await handle.close();
    }
  }

  /** What the newest checkpoint says must be found in the files. */
  #checkCheckpoint(): void {
    const { checkpoint } = this.#input;
    if (checkpoint === undefined || this.#checkpointLine === checkpoint.head) return;
    const { up_to_seq: seq, head, file_no: fileNo } = checkpoint;
    const at = this.#head.seq;
    const actual =
      this.#checkpointLine ?? (at === 0 ? 'no file' : `the stream ends with line ${at}`);
    this.#tampered.push({ actual, expected: head, file_no: fileNo, seq, where: 'audit_file' });
    if (at < seq) this.#head = { seq, hash: head };
  }

  #accuse(fileNo: number, { brokenAt }: ScannedFile, actual: string): void {
    const seq = this.#head.seq + 1;
    this.#tampered.push({
      actual: `${actual} (byte ${brokenAt})`,
      expected: this.#head.hash,
      file_no: fileNo,
      seq,
      where: 'audit_chain',
    });
  }

  /** A live file that somebody has touched gets no more lines; it is sealed as far as it is right. */
  async #close(resumed: ResumedFile | undefined, head: ChainHead): Promise<undefined> {
    if (resumed === undefined) return undefined;
    const { names, nowMs } = this.#input;
    await resumed.file.close();
    const file = rotatedName(names, this.#fileNo, nowMs);
    await link(resumed.file.path, path.join(names.folder, file));
    await unlink(resumed.file.path);
    await syncDirectory(names.folder);
    if (resumed.digest.lines === 0) return undefined;
    const { keyId, openedAt } = resumed;
    const facts = { format: this.#liveFormat, fileNo: this.#fileNo, keyId, openedAt };
    const reason = this.#tampered.length > 0 ? 'external' : 'config';
    this.#addClosed(file, this.#fileNo, resumed.digest, head, facts, reason);
    return undefined;
  }

  #addClosed(
    file: string,
    fileNo: number,
    digest: ScannedFile['digest'],
    head: ChainHead,
    { format, keyId, openedAt }: FileFacts,
    reason: string,
  ): void {
    const { lines, bytes, firstSeq } = digest;
    const merkleRoot = digest.merkleRoot();
    const hash = digest.finish();
    this.#previous = { file, sha256: hash };
    this.#closed.push({
      file_no: fileNo,
      file,
      format: format.name,
      first_seq: firstSeq,
      last_seq: head.seq,
      lines,
      bytes,
      sha256: hash,
      head: head.hash,
      merkle_root: merkleRoot,
      opened_at: new Date(openedAt).toISOString(),
      reason,
      key_id: keyId,
    });
  }
}
