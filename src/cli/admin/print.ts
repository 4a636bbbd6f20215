import type { Call as KitCall, Command as KitCommand } from '../kit/command.js';
import { type JsonObject, type Output, Print } from '../kit/print.js';
import type { Settings } from '../kit/settings.js';
import { renderTable, type Table } from './table.js';

export type Call = KitCall<AdminPrint>;
export type Command = KitCommand<AdminPrint>;

/** Prints as immuadmin of either generation does, or JSON. */
export class AdminPrint extends Print {
  readonly old: boolean;

  constructor(out: Output, settings: Settings) {
    super(out, settings);
    this.old = settings.raw('format').startsWith('0');
  }

  /** A table, or one object a line. */
  table(table: Table, objects: readonly JsonObject[]): void {
    if (this.json) for (const object of objects) this.object(object);
    else this.out.write(renderTable(table));
  }

  /** A remark for people that is part of what the program prints. */
  remark(text: string): void {
    if (!this.json) this.out.write(`${text}\n`);
  }
}
