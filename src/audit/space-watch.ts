import type { Log } from '../base/log.js';
import type { EventData } from './event.js';
import type { FailurePolicy } from './options.js';
import type { AuditSpace, SpaceStage } from './space.js';

export interface SpaceWatchOptions {
  readonly space: AuditSpace;
  readonly onFailure: FailurePolicy;
  readonly log: Log;
  /** Whether events can be written. */
  isWritable(): boolean;
  say(name: string, data: EventData): Promise<void>;
}

/** Follows the free space of the stream's disk and tells of it while that can be told. */
export class SpaceWatch {
  readonly #options: SpaceWatchOptions;
  #stage: SpaceStage = 0;

  constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  /** As it was when somebody looked last. */
  get stage(): SpaceStage {
    return this.#stage;
  }

  async look(): Promise<void> {
    const { space, log, onFailure, isWritable, say } = this.#options;
    const stage = await space.stage();
    if (stage === this.#stage) return;
    const rises = stage > this.#stage;
    this.#stage = stage;
    const { free } = space;
    log.warn('free space of the audit stream', { free, stage });
    if (!rises || !isWritable()) return;
    // It waits for a disk that may just fill up.
    const data = { free_bytes: free, policy: onFailure, stage };
    void say('audit.space_low', data).catch(() => undefined);
  }
}
