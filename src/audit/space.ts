import { open, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { syncDirectory } from '../base/durable-file.js';

export interface SpaceLimits {
  /** Of each pair the smaller holds. */
  readonly warnBytes: number;
  readonly warnPercent: number;
  readonly criticalBytes: number;
  readonly criticalPercent: number;
  /** Bytes that are kept to say that the disk is full; 0 keeps none. */
  readonly reserveBytes: number;
}

/** 0: enough; 1: low; 2: writes are refused. */
export type SpaceStage = 0 | 1 | 2;

const RESERVE_FILE = 'audit.reserve';
const PIECE_BYTES = 1 << 20;

/** The space of the folder that the stream is in. */
export class AuditSpace {
  readonly #folder: string;
  readonly #limits: SpaceLimits;
  free = 0;

  constructor(folder: string, limits: SpaceLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  async stage(): Promise<SpaceStage> {
    const { bavail, blocks, bsize } = await statfs(this.#folder);
    this.free = bavail * bsize;
    const total = blocks * bsize;
    const { warnBytes, warnPercent, criticalBytes, criticalPercent } = this.#limits;
    if (this.free < Math.min(criticalBytes, (total * criticalPercent) / 100)) return 2;
    return this.free < Math.min(warnBytes, (total * warnPercent) / 100) ? 1 : 0;
  }

  get #path(): string {
    return path.join(this.#folder, RESERVE_FILE);
  }

  /** Takes the space, with bytes that no file system can leave out. */
  async makeReserve(): Promise<void> {
    const { reserveBytes } = this.#limits;
    const size = (await stat(this.#path).catch(() => undefined))?.size ?? 0;
    if (size >= reserveBytes) return;
    const handle = await open(this.#path, 'w', 0o600);
    try {
      const piece = Buffer.alloc(PIECE_BYTES, 0xa5);
      for (let left = reserveBytes; left > 0; left -= PIECE_BYTES) {
        await handle.write(piece, 0, Math.min(left, PIECE_BYTES));
      }
      await handle.sync();
    } catch (error) {
      await rm(this.#path, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    await syncDirectory(this.#folder);
  }

  async releaseReserve(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
