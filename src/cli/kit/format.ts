/** Texts as the programs of immudb print them, so that scripts read ours too. */

/** Go's default form of a time, in UTC. @param at milliseconds */
export function goTime(at: number): string {
  const text = new Date(at).toISOString();
  const fraction = text.slice(19, 23).replace(/\.?0+$/, '');
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction} +0000 UTC`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** RFC 822, in UTC: `23 Nov 26 03:51 UTC`. @param at milliseconds */
export function rfc822(at: number): string {
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  const [year = '', month = '', day = ''] = date.split('-');
  return `${day} ${MONTHS[Number(month) - 1]} ${year.slice(2)} ${time.slice(0, 5)} UTC`;
}

/** Go's form of a duration: `48h0m0s`, `1m30s`, `1.5s`, `20ms`, `0s`. @param milliseconds whole */
export function goDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor((milliseconds % 3_600_000) / 60_000);
  const seconds = (milliseconds % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

const BINARY_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const DECIMAL_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** In steps of 1024, one decimal that is dropped when it is zero: `5.3 KB`, `6 KB`, `0 B`. */
export function binarySize(bytes: number): string {
  return sized(bytes, 1024, BINARY_UNITS).replace('.0 ', ' ');
}

/** In steps of 1000: `5.3 kB`, `82 MB`. */
export function decimalSize(bytes: number): string {
  return sized(bytes, 1000, DECIMAL_UNITS);
}

function sized(bytes: number, step: number, units: readonly string[]): string {
  let value = bytes;
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
