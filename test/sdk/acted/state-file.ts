import { readFileSync, writeFileSync } from 'node:fs';
import type { TxState } from './formulas.js';

/** States that were verified, by the name the client gives them; kept from one run to the next. */
export class StateFile {
  private readonly file: string;
  private readonly states: Record<string, { id: number; alh: string }>;

  constructor(file: string) {
    this.file = file;
    try {
      this.states = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      this.states = {};
    }
  }

  get(name: string): TxState | undefined {
    const state = this.states[name];
    return state && { id: state.id, alh: Buffer.from(state.alh, 'hex') };
  }

  set(name: string, { id, alh }: TxState): void {
    this.states[name] = { id, alh: Buffer.from(alh).toString('hex') };
    writeFileSync(this.file, JSON.stringify(this.states));
  }
}
