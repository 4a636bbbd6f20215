import path from 'node:path';

/** Names of the files of a stream, all in the folder of the live one. */
export interface StreamNames {
  readonly folder: string;
  /** Of the file that grows. */
  readonly live: string;
  readonly stem: string;
  readonly extension: string;
}

export interface RotatedName {
  readonly fileNo: number;
  /** Without `.gz`. */
  readonly file: string;
  readonly compressed: boolean;
}

/** @param livePath such as `<data>/audit/audit.json` */
export function streamNames(livePath: string): StreamNames {
  const { dir, base, name, ext } = path.parse(livePath);
  return { folder: dir, live: base, stem: name, extension: ext };
}

/** `audit.20261122T223126Z.0000000007.json`: names sort by time, and by number where times are equal. */
export function rotatedName(
  { stem, extension }: StreamNames,
  fileNo: number,
  atMs: number,
): string {
  const time = new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return `${stem}.${time}Z.${String(fileNo).padStart(10, '0')}${extension}`;
}

/** @returns undefined for a file that is no closed file of this stream */
export function parseRotatedName(names: StreamNames, file: string): RotatedName | undefined {
  const compressed = file.endsWith('.gz');
  const plain = compressed ? file.slice(0, -3) : file;
  const { stem, extension } = names;
  if (!plain.startsWith(`${stem}.`) || !plain.endsWith(extension)) return undefined;
  const middle = plain.slice(stem.length + 1, plain.length - extension.length);
  const found = /^\d{8}T\d{6}Z\.(\d{10,16})$/.exec(middle);
  return found === null ? undefined : { fileNo: Number(found[1]), file: plain, compressed };
}
