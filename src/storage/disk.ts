import { statfsSync } from 'node:fs';

/** Bytes of a file system. */
export interface Space {
  /** For us, without what is reserved for root. */
  readonly free: number;
  readonly total: number;
}

/** What a store asks of the disk beside LMDB; a test may stand in between. */
export interface Disk {
  space(folder: string): Space;
  /** @param commit settles when LMDB has finished a commit */
  finished(commit: Promise<unknown>): Promise<unknown>;
}

export const realDisk: Disk = {
  space(folder) {
    const { blocks, bavail, bsize } = statfsSync(folder);
    return { free: bavail * bsize, total: blocks * bsize };
  },
  finished: (commit) => commit,
};
