/** Reads and checks the files of a stream by what `src/audit/FORMAT.md` says; it imports nothing of Stele. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const ZEROS = '0'.repeat(64);
const LF = 0x0a;
const MEMBERS = [
  ...['event_time', 'event_name', 'username', 'resource', 'event_source', 'source_ip_address'],
  ...['event_id', 'request_id', 'read_only', 'event_data', 'seq', 'prev'],
];
const SEAL_MEMBERS = [
  ...[
    'v',
    'file_no',
    'file',
    'format',
    'first_seq',
    'last_seq',
    'lines',
    'bytes',
    'sha256',
    'head',
  ],
  ...['merkle_root', 'opened_at', 'sealed_at', 'reason', 'key_id', 'prev_seal'],
];
const CHECKPOINT_MEMBERS = [
  ...['v', 'file_no', 'up_to_seq', 'head', 'merkle_root', 'lines', 'bytes', 'at', 'watermarks'],
  ...['above', 'clean'],
];

export interface DatabaseRecord {
  readonly key: string;
  readonly value: string;
}

interface Event {
  readonly event_name: string;
  readonly event_data: Readonly<Record<string, unknown>>;
  readonly seq: number;
  readonly prev: string;
}

interface StreamFile {
  readonly name: string;
  readonly fileNo: number;
  readonly bytes: Buffer;
  readonly lines: readonly Buffer[];
  readonly events: readonly Event[];
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

const hex = (data: Uint8Array) => sha256(data).toString('hex');

/** Of RFC 6962 over the hashes of the lines, by its definition. */
function merkleRoot(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return sha256(Buffer.of(0), hashes[0] as Buffer);
  let left = 1;
  while (left * 2 < hashes.length) left *= 2;
  return sha256(Buffer.of(1), merkleRoot(hashes.slice(0, left)), merkleRoot(hashes.slice(left)));
}

const rootOf = (lines: readonly Buffer[]) =>
  merkleRoot(lines.map((line) => sha256(line))).toString('hex');

function demand(holds: unknown, what: string): void {
  if (!holds) throw new Error(what);
}

function linesOf(name: string, bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
    lines.push(bytes.subarray(from, end));
    from = end + 1;
  }
  demand(from === bytes.length, `${name}: bytes after the last line`);
  return lines;
}

function eventOf(where: string, line: Buffer): Event {
  const text = line.toString('utf8');
  demand(Buffer.from(text).equals(line), `${where}: no UTF-8`);
  const event = JSON.parse(text) as Event;
  demand(Object.keys(event).join() === MEMBERS.join(), `${where}: other members`);
  const names = Object.keys(event.event_data);
  demand(names.join() === [...names].sort().join(), `${where}: event_data is not sorted`);
  demand(JSON.stringify(event) === text, `${where}: white space, or another form of JSON`);
  demand(text.endsWith(`,"seq":${event.seq},"prev":"${event.prev}"}`), `${where}: another end`);
  return event;
}

function filesOf(folder: string): StreamFile[] {
  const read = (name: string, fileNo: number): StreamFile => {
    const stored = readFileSync(path.join(folder, name));
    const bytes = name.endsWith('.gz') ? gunzipSync(stored) : stored;
    const lines = linesOf(name, bytes);
    const events = lines.map((line, at) => eventOf(`${name}, line ${at + 1}`, line));
    return { name, fileNo, bytes, lines, events };
  };
  const closed = readdirSync(folder).flatMap((name) => {
    const found = /^audit\.\d{8}T\d{6}Z\.(\d{10})\.json(?:\.gz)?$/.exec(name);
    return found ? [read(name, Number(found[1]))] : [];
  });
  closed.sort((a, b) => a.fileNo - b.fileNo);
  return [...closed, read('audit.json', (closed.at(-1)?.fileNo ?? 0) + 1)];
}

function checkFirstLine(
  { name, events, fileNo }: StreamFile,
  before: StreamFile | undefined,
): void {
  const [first] = events;
  const data = first?.event_data ?? {};
  demand(first?.event_name === 'audit.opened', `${name}: does not begin with audit.opened`);
  demand(data.file_no === fileNo && data.file === 'audit.json', `${name}: names another file`);
  demand(data.previous_sha256 === (before && hex(before.bytes)), `${name}: another file before`);
  demand(
    data.previous_file === before?.name.replace(/\.gz$/, ''),
    `${name}: another name of the file before`,
  );
}

function checkLastLine({ name, events, bytes, lines, fileNo }: StreamFile): void {
  const last = events.at(-1);
  const { file_no, lines: counted, bytes: size, first_seq } = last?.event_data ?? {};
  const ownBytes = (lines.at(-1)?.length ?? 0) + 1;
  demand(last?.event_name === 'audit.rotated', `${name}: does not end with audit.rotated`);
  demand(file_no === fileNo && counted === lines.length - 1, `${name}: rotated otherwise`);
  demand(size === bytes.length - ownBytes, `${name}: rotated with other bytes`);
  demand(first_seq === events[0]?.seq, `${name}: rotated with another first line`);
}

function checkSeals(files: readonly StreamFile[], records: readonly DatabaseRecord[]): number {
  let prevSeal = ZEROS;
  const sealed = new Set<number>();
  for (const { key, value } of records.filter(({ key: name }) => name.startsWith('audit/seal/'))) {
    const seal = JSON.parse(value) as Record<string, unknown>;
    demand(Object.keys(seal).join() === SEAL_MEMBERS.join(), `${key}: other members`);
    demand(JSON.stringify(seal) === value, `${key}: white space`);
    demand(key === `audit/seal/${String(seal.file_no).padStart(20, '0')}`, `${key}: other number`);
    demand(seal.prev_seal === prevSeal, `${key}: does not follow the seal before`);
    prevSeal = hex(Buffer.from(value));
    const file = files.find(({ fileNo }) => fileNo === seal.file_no);
    demand(file, `${key}: its file is not there`);
    if (file === undefined) continue;
    const { bytes, lines, events, name } = file;
    sealed.add(file.fileNo);
    const expected = {
      ...{ v: 1, file: name.replace(/\.gz$/, ''), format: 'native' },
      ...{ first_seq: events[0]?.seq, last_seq: events.at(-1)?.seq },
      ...{ lines: lines.length, bytes: bytes.length, sha256: hex(bytes) },
      ...{ head: hex(lines.at(-1) as Buffer), merkle_root: rootOf(lines) },
      ...{ key_id: events[0]?.event_data.key_id, reason: events.at(-1)?.event_data.reason },
    };
    for (const [member, is] of Object.entries(expected)) {
      demand(seal[member] === is, `${key}: ${member} is ${seal[member]}, the file has ${is}`);
    }
  }
  const closed = files.slice(0, -1).filter(({ fileNo }) => !sealed.has(fileNo));
  demand(closed.length === 0, `${closed.map(({ name }) => name)} without seal`);
  return sealed.size;
}

function checkCheckpoints(
  files: readonly StreamFile[],
  records: readonly DatabaseRecord[],
): number {
  const found = records.filter(({ key }) => key.startsWith('audit/ckpt/'));
  for (const { key, value } of found) {
    const point = JSON.parse(value) as Record<string, unknown>;
    const upTo = Number(point.up_to_seq);
    demand(Object.keys(point).join() === CHECKPOINT_MEMBERS.join(), `${key}: other members`);
    demand(key === `audit/ckpt/${String(upTo).padStart(20, '0')}`, `${key}: another number`);
    const file = files.find(({ fileNo }) => fileNo === point.file_no);
    const index = file?.events.findIndex(({ seq }) => seq === upTo) ?? -1;
    demand(file && index >= 0, `${key}: its line is not there`);
    const covered = file?.lines.slice(0, index + 1) ?? [];
    const bytes = covered.reduce((sum, line) => sum + line.length + 1, 0);
    demand(point.lines === covered.length && point.bytes === bytes, `${key}: another size`);
    demand(point.head === hex(covered.at(-1) as Buffer), `${key}: another head`);
    demand(point.merkle_root === rootOf(covered), `${key}: another root`);
    const lines = files.flatMap(({ events }) => events);
    const told = lines.find((event) => {
      return event.event_name === 'audit.checkpoint' && event.event_data.up_to_seq === upTo;
    });
    demand(told && told.seq > upTo, `${key}: no line tells of it`);
  }
  return found.length;
}

/**
 * @param records of the database of the seals, in the order of their keys
 * @throws an error that says what is not as the document says
 */
export function checkByDocument(folder: string, records: readonly DatabaseRecord[]) {
  const files = filesOf(folder);
  let prev = ZEROS;
  let seq = 0;
  for (const [at, file] of files.entries()) {
    for (const [index, event] of file.events.entries()) {
      demand(event.seq === ++seq && event.prev === prev, `${file.name}, line ${index + 1}: chain`);
      prev = hex(file.lines[index] as Buffer);
    }
    checkFirstLine(file, files[at - 1]);
    if (at < files.length - 1) checkLastLine(file);
  }
  const seals = checkSeals(files, records);
  return { files: files.length, lines: seq, seals, checkpoints: checkCheckpoints(files, records) };
}
