import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Streams that were open at once, and bytes that were held in their place; fewer leave little. */
const BURST_STREAMS_MIN = 5000;
const BYTES_A_STREAM = 6_554;
/** Of them, what may be open still: during a burst there is nothing to gain. */
const OPEN_SHARE_MAX = 0.1;
/** After the burst; until then closed sockets hold on to what was on them. */
const QUIET_MS = 4000;

type Collect = (options: { type: 'major'; execution: 'async' }) => Promise<void>;

/**
 * Gives memory back after a burst of calls. The engine collects old objects when new ones need the room,
 * so a server that has little to do after a flood would keep the flood's memory for hours.
 */
export class MemoryReturn {
  #collect: Collect | undefined;
  #most = 0;
  /** Unix milliseconds of the end of the burst. */
  #quietSince: number | undefined;

  /** Called now and then with what is open and held. @returns whether it collects */
  sweep(streams: number, bytes: number, now: number): boolean {
    const open = streams + bytes / BYTES_A_STREAM;
    this.#most = Math.max(this.#most, open);
    if (this.#most < BURST_STREAMS_MIN || open > this.#most * OPEN_SHARE_MAX) {
      this.#quietSince = undefined;
      return false;
    }
    this.#quietSince ??= now;
    if (now - this.#quietSince < QUIET_MS) return false;
    this.#quietSince = undefined;
    this.#most = open;
    this.#collect ??= collector();
    void this.#collect({ type: 'major', execution: 'async' });
    return true;
  }
}

function collector(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
