import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;
let lastMs = 0;
let counter = 0;
/** The first half of a text, and the millisecond that it is of. */
let timeOf = -1;
let time = '';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const COUNTER_MAX = 0xfff;

/**
 * A UUID of version 7: milliseconds, then a counter that rises within one of them, then chance. Texts
 * rise inside of a process, also when its clock steps back.
 */
export function uuidV7(nowMs: number): string {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = 0;
  } else if (counter < COUNTER_MAX) counter++;
  else {
    lastMs++;
    counter = 0;
  }
  if (used + 8 > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += 8;
  if (lastMs !== timeOf) {
    timeOf = lastMs;
    const digits = lastMs.toString(16).padStart(12, '0');
    time = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
  }
  const byte = (i: number) => HEX[pool[at + i] as number] as string;
  const variant = HEX[((pool[at] as number) & 0x3f) | 0x80] as string;
  return (
    `${time}${HEX[counter >> 8]?.slice(1)}${HEX[counter & 0xff]}-` +
    `${variant}${byte(1)}-${byte(2)}${byte(3)}${byte(4)}${byte(5)}${byte(6)}${byte(7)}`
  );
}
