import type { Settings } from './settings.js';

/** Keys in their order; numbers exact. */
export type JsonObject = Readonly<Record<string, unknown>>;

export interface Output {
  write(bytes: Uint8Array | string): void;
  /** Resolves when the reader has taken what was written. */
  drained(): Promise<void>;
}

/** Prints results: text for people and old scripts, or JSON. */
export class Print {
  readonly json: boolean;
  readonly out: Output;

  constructor(out: Output, settings: Settings) {
    this.out = out;
    this.json = settings.has('json');
  }

  /** A sentence, or its object. */
  line(text: string, object: JsonObject): void {
    this.out.write(this.json ? jsonLine(object) : `${text}\n`);
  }

  object(object: JsonObject): void {
    this.out.write(jsonLine(object));
  }

  bytes(bytes: Uint8Array): void {
    this.out.write(bytes);
  }
}

function jsonLine(object: JsonObject): string {
  return `${JSON.stringify(object)}\n`;
}
