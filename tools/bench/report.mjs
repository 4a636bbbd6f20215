// Rows of figures, for people and for machines.

/**
 * @typedef {object} Row
 * @property {string} scenario
 * @property {string} figure what was measured
 * @property {number} value
 * @property {string} unit
 * @property {{ p50: number, p90: number, p99: number, max: number }} [latencyMs]
 * @property {{ what: string, value: number }} [limit] what this machine could do at best, measured beside it
 * @property {{ text: string, value: number, sense: 'atLeast' | 'atMost' }} [wanted]
 * @property {boolean} [met]
 * @property {Record<string, unknown>} [details]
 */

/** @param {Omit<Row, 'met'>} row @returns {Row} */
export function judged(row) {
  if (row.wanted === undefined) return row;
  const { sense, value } = row.wanted;
  return { ...row, met: sense === 'atLeast' ? row.value >= value : row.value <= value };
}

export function atLeast(value, text = `>= ${short(value)}`) {
  return { text, value, sense: 'atLeast' };
}

export function atMost(value, text = `<= ${short(value)}`) {
  return { text, value, sense: 'atMost' };
}

/** At least this share of a limit. */
export function shareOf(limit, share) {
  const value = limit.value * share;
  return atLeast(value, `>= ${Math.round(100 * share)} % = ${short(value)}`);
}

/** Three digits that count. */
export function short(value) {
  if (!Number.isFinite(value)) return '-';
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const HEAD = ['figure', 'measured', 'p50 / p90 / p99 / max ms', 'own limit', 'wanted', 'verdict'];

/** @param {Row[]} rows */
export function table(rows) {
  const cells = rows.map((row) => [
    row.figure,
    `${short(row.value)} ${row.unit}`,
    row.latencyMs === undefined ? '' : latencyText(row.latencyMs),
    row.limit === undefined ? '' : limitText(row),
    row.wanted?.text ?? '',
    row.met === undefined ? '' : row.met ? 'met' : 'NOT MET',
  ]);
  const lines = [HEAD, ...cells];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const text = (line) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [text(HEAD), rule, ...cells.map(text)].join('\n');
}

function latencyText({ p50, p90, p99, max }) {
  return [p50, p90, p99, max].map(short).join(' / ');
}

function limitText({ limit, value }) {
  return `${limit.what} ${short(limit.value)} (${Math.round((100 * value) / limit.value)} %)`;
}
