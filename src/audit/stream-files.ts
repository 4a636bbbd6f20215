import { link, readdir, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { syncDirectory, systemErrorCode } from '../base/durable-file.js';
import { type ChainHead, FileDigest } from './chain.js';
import type { EventData } from './event.js';
import { rotatedName, type StreamNames } from './file-names.js';
import { LiveFile } from './live-file.js';
import type { Seal } from './records.js';

export type RotationReason =
  | 'size'
  | 'age'
  | 'signal'
  | 'admin'
  | 'startup'
  | 'config'
  | 'external'
  | 'io_error';

/** A file that gets no more lines: all of its seal but what the sealing adds. */
export type ClosedFile = Omit<Seal, 'v' | 'sealed_at' | 'prev_seal'>;

/** What names a closed file for ever. */
export interface ClosedName {
  readonly file: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

export interface StreamFilesOptions {
  readonly names: StreamNames;
  readonly clock: Clock;
  readonly format: string;
  /** Whether lines are on disk when they are written. */
  readonly sync: boolean;
  /** Of the key in force. */
  keyId(): string;
  /** The last number that was used. */
  readonly fileNo: number;
  /** The file before the first of this process. */
  readonly previous: ClosedName | undefined;
  /** More for `audit.opened`. */
  opened(): EventData;
  closed(file: ClosedFile): void;
}

/** The live file that goes on after a start. */
export interface ResumedFile {
  readonly file: LiveFile;
  readonly digest: FileDigest;
  /** Unix milliseconds. */
  readonly openedAt: number;
  readonly keyId: string;
}

/** The files of a stream on disk: the live one, and how it becomes a closed one. */
export class StreamFiles {
  readonly #options: StreamFilesOptions;
  #live: LiveFile | undefined;
  #digest = new FileDigest();
  #fileNo: number;
  #openedAt = 0;
  #keyId: string;
  #unnamed: { readonly inode: number; readonly file: string } | undefined;
  #previous: ClosedName | undefined;

  constructor(options: StreamFilesOptions, resumed?: ResumedFile) {
    this.#options = options;
    this.#fileNo = options.fileNo;
    this.#previous = options.previous;
    this.#keyId = resumed?.keyId ?? options.keyId();
    if (resumed === undefined) return;
    this.#live = resumed.file;
    this.#digest = resumed.digest;
    this.#openedAt = resumed.openedAt;
  }

  get live(): LiveFile | undefined {
    return this.#live;
  }

  get fileNo(): number {
    return this.#fileNo;
  }

  get bytes(): number {
    return this.#digest.bytes;
  }

  get lines(): number {
    return this.#digest.lines;
  }

  get firstSeq(): number {
    return this.#digest.firstSeq;
  }

  get openedAt(): number {
    return this.#openedAt;
  }

  get merkleRoot(): string {
    return this.#digest.merkleRoot();
  }

  get lastClosed(): ClosedName | undefined {
    return this.#previous;
  }

  /** Lines of the live file are on disk. */
  written(data: Uint8Array, hashes: readonly string[], firstSeq: number): void {
    hashes.forEach((hash, index) => {
      this.#digest.addLine(hash, firstSeq + index);
    });
    this.#digest.addBytes(data);
  }

  /** Makes the next live file. @returns what its first line says of it */
  async create(): Promise<EventData> {
    const { names, clock, format, sync } = this.#options;
    const keyId = this.#options.keyId();
    const livePath = path.join(names.folder, names.live);
    const live = await LiveFile.create(livePath, sync).catch(async (error: unknown) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
      await this.#clearName(livePath);
      return LiveFile.create(livePath, sync);
    });
    await syncDirectory(names.folder);
    this.#live = live;
    this.#digest = new FileDigest();
    this.#fileNo++;
    this.#openedAt = clock.now();
    this.#keyId = keyId;
    const previous = this.#previous;
    return {
      ...this.#options.opened(),
      file: names.live,
      file_no: this.#fileNo,
      format,
      key_id: keyId,
      ...(previous && { previous_file: previous.file, previous_sha256: previous.sha256 }),
    };
  }

  /** A closed file that could not get its name then gets it now; any other is not ours. */
  async #clearName(livePath: string): Promise<void> {
    const { folder } = this.#options.names;
    const unnamed = this.#unnamed;
    if (unnamed !== undefined && (await stat(livePath)).ino === unnamed.inode) {
      await link(livePath, path.join(folder, unnamed.file));
      await unlink(livePath);
      this.#unnamed = undefined;
      return;
    }
    // Whoever examines it finds it beside the stream.
    await rename(livePath, `${livePath}.foreign.${this.#options.clock.now()}`);
  }

  /** Closes the live file, whose last line is `audit.rotated`, and gives it its name. */
  async finish(head: ChainHead, reason: RotationReason): Promise<void> {
    const live = this.#live;
    if (live === undefined) return;
    this.#live = undefined;
    const file = rotatedName(this.#options.names, this.#fileNo, this.#options.clock.now());
    this.#unnamed = { inode: live.inode, file };
    try {
      await this.#giveName(live, file);
      this.#unnamed = undefined;
    } finally {
      await live.close();
      this.#tell(file, head, reason);
    }
  }

  /** The same for a file that can take no last line. What it was up to here is known and sealed. */
  async abandon(head: ChainHead, reason: RotationReason): Promise<void> {
    await this.finish(head, reason).catch((error: unknown) => {
      if (systemErrorCode(error) === undefined) throw error;
    });
  }

  #tell(file: string, head: ChainHead, reason: RotationReason): void {
    const digest = this.#digest;
    const { lines, bytes, firstSeq } = digest;
    if (lines === 0) return;
    const merkleRoot = digest.merkleRoot();
    const sha256 = digest.finish();
    this.#previous = { file, sha256 };
    this.#options.closed({
      file_no: this.#fileNo,
      file,
      format: this.#options.format,
      first_seq: firstSeq,
      last_seq: head.seq,
      lines,
      bytes,
      sha256,
      head: head.hash,
      merkle_root: merkleRoot,
      opened_at: new Date(this.#openedAt).toISOString(),
      reason,
      key_id: this.#keyId,
    });
  }

  /** Unlike a rename, a link never takes the place of another file. */
  async #giveName(live: LiveFile, file: string): Promise<void> {
    const { folder } = this.#options.names;
    const from = await this.#nameOf(live);
    if (from === undefined) return;
    await link(from, path.join(folder, file));
    await unlink(from);
    await syncDirectory(folder);
  }

  /** Where in the folder the file is, whoever has renamed it. */
  async #nameOf(live: LiveFile): Promise<string | undefined> {
    const { names } = this.#options;
    const hasInode = async (file: string) =>
      (await stat(file).catch(() => undefined))?.ino === live.inode;
    if (await hasInode(live.path)) return live.path;
    for (const name of await readdir(names.folder)) {
      const file = path.join(names.folder, name);
      if (await hasInode(file)) return file;
    }
    return undefined;
  }

  /** Whether the live name still leads to the live file. */
  async lookAtName(): Promise<'moved' | 'replaced' | 'deleted' | undefined> {
    const live = this.#live;
    if (live === undefined) return undefined;
    const inode = (await stat(live.path).catch(() => undefined))?.ino;
    if (inode === live.inode) return undefined;
    if (live.links > 0) return 'moved';
    return inode === undefined ? 'deleted' : 'replaced';
  }

  async close(): Promise<void> {
    await this.#live?.close();
    this.#live = undefined;
  }
}
