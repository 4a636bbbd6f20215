import { sha256 } from '../../base/sha256.js';
import type { Entry } from '../../client/index.js';
import type { KvMetadata, State, TxHeader } from '../../proofs/index.js';
import { goTime } from '../kit/format.js';
import { type JsonObject, type Output, Print } from '../kit/print.js';
import type { Settings } from '../kit/settings.js';

/** What a write or a read shows. */
export interface ShownEntry {
  readonly txId: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
  /** 0 or absent: not known. */
  readonly revision?: number;
  readonly expired?: boolean;
  readonly referencedBy?: Entry['referencedBy'];
}

export interface ShownSetItem {
  readonly header: TxHeader;
  readonly set: Uint8Array;
  readonly key: Uint8Array;
  readonly score: number;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** `{key: text}`, or `{keyBase64: …}` for bytes that are no text, or `{keyHex: …}` where that is asked for. */
export function textOrBytes(name: string, bytes: Uint8Array, hex: boolean): JsonObject {
  if (hex) return { [`${name}Hex`]: Buffer.from(bytes).toString('hex') };
  try {
    return { [name]: UTF8.decode(bytes) };
  } catch {
    return { [`${name}Base64`]: Buffer.from(bytes).toString('base64') };
  }
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Prints results: blocks as the clients of either generation do, or JSON, or bare values. */
export class Printer extends Print {
  readonly hex: boolean;
  readonly valueOnly: boolean;
  readonly old: boolean;

  constructor(out: Output, settings: Settings) {
    super(out, settings);
    this.hex = settings.has('raw-hex');
    this.valueOnly = settings.has('value-only');
    this.old = settings.raw('format').startsWith('0');
  }

  entry(entry: ShownEntry, verified = false): void {
    if (this.json) {
      this.object(this.#entryObject(entry, verified));
      return;
    }
    if (this.valueOnly) this.out.write(Buffer.concat([this.#bytes(entry.value), NEWLINE]));
    else this.#block(entry, verified);
    if (this.old) this.out.write(NEWLINE);
  }

  /** @returns how many there were */
  async entries(source: AsyncIterable<ShownEntry>, verified = false): Promise<number> {
    let count = 0;
    for await (const entry of source) {
      if (!this.json && !this.old && count > 0) this.out.write(NEWLINE);
      this.entry(entry, verified);
      count++;
      await this.out.drained();
    }
    if (this.json) return count;
    if (count > 0 && this.old) this.out.write(NEWLINE);
    if (count === 0 && !this.valueOnly) this.out.write(this.old ? '0\n' : 'no entries\n');
    return count;
  }

  /** Of a sorted set; JSON only. */
  scored(entry: ShownEntry, score: number, atTx: number): void {
    const place = { score, ...(atTx === 0 ? {} : { atTx }) };
    this.object({ ...place, ...this.#entryObject(entry, false) });
  }

  state(database: string, state: State, verified?: boolean): void {
    const { txId, txHash } = state;
    const hash = toHex(txHash);
    if (this.json) {
      this.object({ database, tx: txId, hash, ...(verified === true && { verified }) });
      return;
    }
    if (txId === 0) {
      const text = this.old
        ? `database ${database} is empty\n\n`
        : `database '${database}' is empty\n`;
      this.out.write(text);
      return;
    }
    this.out.write(
      this.old
        ? `txID:\t\t${txId}\nhash:\t\t${hash}\n${verified === true ? 'verified:\ttrue \n' : ''}\n`
        : `database:  ${database}\ntxID:      ${txId}\nhash:      ${hash}\n${verified === true ? 'verified:  true\n' : ''}`,
    );
  }

  transaction(header: TxHeader, alh: Uint8Array, verified: boolean): void {
    const hash = toHex(alh);
    const time = goTime(header.ts * 1000);
    if (this.json) {
      const { id, ts, nentries, version } = header;
      this.object({ tx: id, time: ts, entries: nentries, version, hash, verified });
      return;
    }
    const block = `tx:\t\t${header.id}\ntime:\t\t${time}\nentries:\t${header.nentries}\nhash:\t\t${hash}\n`;
    this.out.write(block + (verified ? 'verified:\ttrue \n' : '') + (this.old ? '\n' : ''));
  }

  setItem({ header, set, key, score }: ShownSetItem, verified: boolean): void {
    if (this.json) {
      this.object({
        tx: header.id,
        ...textOrBytes('set', set, this.hex),
        ...textOrBytes('key', key, this.hex),
        score,
        verified,
      });
      return;
    }
    const shown = Number.isNaN(score) ? 'NaN' : score.toFixed(6);
    this.out.write(
      Buffer.concat([
        Buffer.from(`tx:\t\t${header.id}\nset:\t\t`),
        this.#bytes(set),
        Buffer.from('\nreferenced key:\t\t'),
        this.#bytes(key),
        Buffer.from(
          `\nscore:\t\t${shown}\nhash:\t\t${toHex(header.eH)}\nverified:\t${verified}\n${this.old ? '\n' : ''}`,
        ),
      ]),
    );
  }

  #bytes(bytes: Uint8Array): Uint8Array {
    return this.hex ? Buffer.from(toHex(bytes)) : bytes;
  }

  #block(entry: ShownEntry, verified: boolean): void {
    const { txId, key, value, revision = 0, metadata } = entry;
    const lines: (Uint8Array | string)[] = [];
    if (this.old) {
      const hash = toHex(sha256(Buffer.concat([key, sha256(value)])));
      lines.push(
        `tx:\t\t${txId} \nkey:\t\t`,
        this.#bytes(key),
        ' \nvalue:\t\t',
        this.#bytes(value),
      );
      lines.push(` \nhash:\t\t${hash} \n`, verified ? 'verified:\ttrue \n' : '');
    } else {
      const attributes = metadataText(metadata);
      lines.push(`tx:       ${txId}\n`, revision === 0 ? '' : `rev:      ${revision}\n`);
      lines.push('key:      ', this.#bytes(key), '\n');
      lines.push(attributes === undefined ? '' : `metadata: ${attributes}\n`);
      lines.push('value:    ', this.#bytes(value), '\n', verified ? 'verified: true\n' : '');
    }
    this.out.write(Buffer.concat(lines.map((part) => Buffer.from(part as string))));
  }

  #entryObject(entry: ShownEntry, verified: boolean): JsonObject {
    const { txId, key, value, revision = 0, metadata, expired, referencedBy } = entry;
    return {
      tx: txId,
      ...(revision === 0 ? {} : { revision }),
      ...textOrBytes('key', key, this.hex),
      ...textOrBytes('value', value, this.hex),
      ...(metadata === undefined ? {} : { metadata }),
      ...(expired === true ? { expired } : {}),
      ...(referencedBy === undefined
        ? {}
        : {
            referencedBy: {
              tx: referencedBy.txId,
              ...textOrBytes('key', referencedBy.key, this.hex),
              ...(referencedBy.atTx === 0 ? {} : { atTx: referencedBy.atTx }),
            },
          }),
      verified,
    };
  }
}

const NEWLINE = Buffer.from('\n');

function metadataText(metadata: KvMetadata | undefined): string | undefined {
  if (metadata === undefined) return undefined;
  const parts: string[] = [];
  if (metadata.deleted === true) parts.push('deleted:true');
  if (metadata.expiresAt !== undefined)
    parts.push(`expiration:${goTime(metadata.expiresAt * 1000)}`);
  if (metadata.nonIndexable === true) parts.push('nonIndexable:true');
  return `{${parts.join(', ')}}`;
}
