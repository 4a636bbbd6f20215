import type { RawAnswer } from '../support/grpc-client.js';
import { type ErrorDetail, readErrorDetails } from './error-details.js';
import { cutSegments, type Field, isZero, parseMessage, show } from './message.js';
import type { Difference, ExpectedMessage, ExpectedValue, Step } from './trace.js';

/** Compares an answer with the recorded one; nothing found means that the step passes. */
export function compareAnswer(step: Step, answer: RawAnswer, strict: boolean): Difference[] {
  const comparison = new Comparison(strict);
  const { expect } = step;
  if (expect.code !== 'varies' && expect.code !== answer.code) {
    comparison.differs('code', expect.code, [answer.code, answer.details].join(' ').trim());
  } else if (expect.details !== undefined && expect.details !== answer.details) {
    comparison.differs('details', expect.details, answer.details);
  }
  if (expect.errorDetails !== undefined) {
    const wanted = expect.errorDetails.map(({ cause: _cause, ...rest }) => rest);
    comparison.json('errorDetails', wanted, errorDetails(answer));
  }
  if (expect.segments !== undefined) comparison.segments(expect.segments, answer.messages);
  else if (expect.messages !== undefined && expect.messagesCount !== 'varies') {
    if (expect.messages.length === answer.messages.length) {
      expect.messages.forEach((message, i) => {
        const where = answer.messages.length > 1 ? `message[${i}]` : 'message';
        comparison.message(message, answer.messages[i] as Buffer, where);
      });
    } else if (answer.code === expect.code) {
      comparison.differs('messages', expect.messages.length, answer.messages.length);
    }
  }
  return comparison.found;
}

/** @returns undefined for a trailer that cannot be read, which no recording has */
function errorDetails({ trailers }: RawAnswer): ErrorDetail[] | undefined {
  const [raw] = trailers.get('grpc-status-details-bin');
  if (raw === undefined) return [];
  try {
    return readErrorDetails(Buffer.from(raw));
  } catch {
    return undefined;
  }
}

class Comparison {
  readonly found: Difference[] = [];
  readonly #strict: boolean;

  /** @param strict whether fields that the recording lacks count */
  constructor(strict: boolean) {
    this.#strict = strict;
  }

  differs(where: string, recorded: unknown, came: unknown): void {
    this.found.push({ where, recorded, came });
  }

  json(where: string, recorded: unknown, came: unknown): void {
    const [a, b] = [JSON.stringify(recorded), JSON.stringify(came)];
    if (a !== b) this.differs(where, a, b);
  }

  segments(recorded: readonly ExpectedValue[], messages: readonly Buffer[]): void {
    let came: Buffer[];
    try {
      came = cutSegments(Buffer.concat(messages.map(contentOf)));
    } catch (error) {
      this.differs('segments', 'chunks', String(error));
      return;
    }
    if (recorded.length !== came.length) {
      this.differs('segments', recorded.length, came.length);
      return;
    }
    recorded.forEach((value, i) => {
      this.#value(value, { kind: 'bytes', value: came[i] as Buffer }, `segment[${i}]`);
    });
  }

  message(recorded: ExpectedMessage, bytes: Buffer, where: string): void {
    let came: Map<number, readonly Field[]>;
    try {
      came = new Map(parseMessage(bytes));
    } catch (error) {
      this.differs(where, 'a message', String(error));
      return;
    }
    for (const [number, values] of Object.entries(recorded)) {
      const fields = came.get(Number(number)) ?? [];
      came.delete(Number(number));
      this.#field(values, fields, `${where}.${number}`);
    }
    if (!this.#strict) return;
    for (const [number, fields] of came) {
      if (fields.every(isZero)) continue;
      this.differs(`${where}.${number}`, 'absent', fields.map(show).join(', ').slice(0, 160));
    }
  }

  #field(recorded: readonly ExpectedValue[], came: readonly Field[], where: string): void {
    const [first] = recorded;
    if (first?.count === '*' || (first?.optional !== undefined && came.length === 0)) return;
    if (recorded.length === came.length) {
      recorded.forEach((value, i) => {
        this.#value(value, came[i] as Field, recorded.length > 1 ? `${where}[${i}]` : where);
      });
      return;
    }
    const nothing = recorded.every(({ m }) => m !== undefined && Object.keys(m).length === 0);
    if (came.length === 0 && nothing) return;
    const text = JSON.stringify(recorded).slice(0, 160);
    this.differs(
      where,
      `${recorded.length} value(s) ${text}`,
      `${came.length} value(s) ${came.map(show).join(', ').slice(0, 160)}`,
    );
  }

  #value(recorded: ExpectedValue, came: Field, where: string): void {
    if (recorded.any !== undefined) return;
    if (recorded.m !== undefined) {
      if (came.kind === 'bytes') this.message(recorded.m, came.value, where);
      else this.differs(where, 'a message', show(came));
    } else if (recorded.v !== undefined) {
      const wanted = BigInt.asUintN(64, BigInt(recorded.v));
      if (came.kind !== 'varint' || came.value !== wanted) {
        this.differs(where, recorded.v, show(came));
      }
    } else if (recorded.d !== undefined) {
      if (came.kind !== 'fixed64' || came.value.readDoubleLE() !== recorded.d) {
        this.differs(where, recorded.d, show(came));
      }
    } else {
      const wanted =
        recorded.s === undefined ? Buffer.from(recorded.b ?? '', 'hex') : Buffer.from(recorded.s);
      if (came.kind !== 'bytes' || !came.value.equals(wanted)) {
        this.differs(where, show({ kind: 'bytes', value: wanted }), show(came));
      }
    }
  }
}

/** The field of `Chunk`. */
function contentOf(chunk: Buffer): Buffer {
  const [content] = parseMessage(chunk).get(1) ?? [];
  return content?.kind === 'bytes' ? content.value : Buffer.alloc(0);
}
