export interface Table {
  /** Stands after the count of rows in the first line, as in `2 user(s)`. */
  readonly caption: string;
  /** How many things the rows are about. */
  readonly count: number;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Rules as wide as the columns, not as their titles. */
  readonly wideRules?: boolean;
}

/** A numbered table as immuadmin prints it, byte for byte; nothing for no rows. */
export function renderTable({ caption, count, columns, rows, wideRules }: Table): string {
  if (rows.length === 0) return '';
  const digits = String(rows.length).length;
  const widths = columns.map((title, at) =>
    Math.max(lengthOf(title), ...rows.map((row) => lengthOf(row[at] ?? ''))),
  );
  const line = (first: string, cells: readonly string[]) =>
    `${[first.padEnd(digits), ...cells.map((cell, at) => padded(cell, widths[at] ?? 0))].join('  ')}  \n`;
  const rule = line(
    '-'.repeat(digits),
    columns.map((title, at) => '-'.repeat(wideRules === true ? (widths[at] ?? 0) : title.length)),
  );
  return [
    `${count} ${caption}\n`,
    rule,
    line('#'.repeat(digits), columns),
    rule,
    ...rows.map((row, at) => line(String(at + 1), row)),
    rule,
  ].join('');
}

function lengthOf(text: string): number {
  return [...text].length;
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)));
}
