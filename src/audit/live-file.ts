import {
  close,
  constants,
  fdatasync,
  fstatSync,
  ftruncate,
  open,
  type Stats,
  write,
} from 'node:fs';
import { promisify } from 'node:util';

const { O_APPEND, O_CREAT, O_DSYNC, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const MODE = 0o640;

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);
const truncateFile = promisify(ftruncate);

function flagsOf(sync: boolean): number {
  return O_WRONLY | O_APPEND | O_NOFOLLOW | (sync ? O_DSYNC : 0);
}

/** What somebody else did to the file. */
export type Interference = 'deleted' | 'grown' | 'cut';

/**
 * The file that grows. It knows how many bytes are its own. With `sync` each write is on disk when it
 * returns: one way through the thread pool instead of two.
 */
export class LiveFile {
  readonly path: string;
  readonly inode: number;
  readonly #fd: number;
  /** Bytes on disk that belong to finished batches. */
  #bytes: number;

  private constructor(path: string, fd: number, bytes: number, inode: number) {
    this.path = path;
    this.#fd = fd;
    this.#bytes = bytes;
    this.inode = inode;
  }

  /** @throws EEXIST when the name is taken */
  static async create(path: string, sync: boolean): Promise<LiveFile> {
    const fd = await openFile(path, flagsOf(sync) | O_CREAT | O_EXCL, MODE);
    return new LiveFile(path, fd, 0, fstatSync(fd).ino);
  }

  /** Goes on with an existing file of this many bytes. */
  static async resume(path: string, bytes: number, sync: boolean): Promise<LiveFile> {
    const fd = await openFile(path, flagsOf(sync));
    // Of the process before, which may have ended between a write and its end.
    if (sync) await syncFile(fd);
    return new LiveFile(path, fd, bytes, fstatSync(fd).ino);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the file is as it was left. 2 us. */
  interference(): Interference | undefined {
    const { nlink, size }: Stats = fstatSync(this.#fd);
    if (nlink === 0) return 'deleted';
    if (size === this.#bytes) return undefined;
    return size > this.#bytes ? 'grown' : 'cut';
  }

  /** Whether a name still leads to it. */
  get links(): number {
    return fstatSync(this.#fd).nlink;
  }

  /** Bytes in it, whoever wrote them. */
  get size(): number {
    return fstatSync(this.#fd).size;
  }

  /** Appends all of the data. */
  async append(data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; ) at += await this.#write(data, at);
    this.#bytes += data.length;
  }

  #write(data: Buffer, at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#fd, data, at, data.length - at, null, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    });
  }

  /** Takes off what a failed append may have left. */
  async cutBack(): Promise<void> {
    if (fstatSync(this.#fd).size > this.#bytes) await truncateFile(this.#fd, this.#bytes);
  }

  close(): Promise<void> {
    return closeFile(this.#fd);
  }
}
