import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/project.js';
import type { Difference } from './trace.js';

/** Where Stele answers otherwise on purpose. */
export interface Deviation {
  /** Regular expressions for the name of the trace, that of the step, and the place in the answer. */
  readonly trace?: string;
  readonly step?: string;
  readonly path?: string;
  /** What was recorded and what comes instead, as `Difference` has them; without it, anything. */
  readonly from?: unknown;
  readonly to?: unknown;
  readonly reason: string;
}

interface Rule {
  readonly row: Deviation;
  readonly patterns: readonly [trace: RegExp, step: RegExp, where: RegExp];
  used: boolean;
}

const MEMBERS = new Set(['trace', 'step', 'path', 'from', 'to', 'reason']);

/** Explains differences, and knows which of its rows were never needed. */
export class Deviations {
  readonly #rules: readonly Rule[];

  /** @throws TypeError for a row without a reason or with a member that nobody reads */
  constructor(rows: readonly Deviation[]) {
    this.#rules = rows.map((row) => {
      check(row);
      const pattern = (text = '') => new RegExp(text);
      return {
        row,
        patterns: [pattern(row.trace), pattern(row.step), pattern(row.path)],
        used: false,
      };
    });
  }

  /** Those of this project. */
  static read(): Deviations {
    const file = path.join(projectRoot, 'test/wire/deviations.json');
    return new Deviations(JSON.parse(readFileSync(file, 'utf8')) as Deviation[]);
  }

  /** Whether a difference is meant. The first row that says so has been of use. */
  explains(trace: string, step: string, { where, recorded, came }: Difference): boolean {
    const rule = this.#rules.find(
      ({ row, patterns }) =>
        patterns[0].test(trace) &&
        patterns[1].test(step) &&
        patterns[2].test(where) &&
        equals(row.from, recorded) &&
        equals(row.to, came),
    );
    if (rule !== undefined) rule.used = true;
    return rule !== undefined;
  }

  unused(): Deviation[] {
    return this.#rules.filter(({ used }) => !used).map(({ row }) => row);
  }
}

function equals(wanted: unknown, value: unknown): boolean {
  return wanted === undefined || JSON.stringify(wanted) === JSON.stringify(value);
}

function check(row: Deviation): void {
  const shown = JSON.stringify(row);
  if (typeof row.reason !== 'string' || row.reason === '') {
    throw new TypeError(`a deviation needs a reason: ${shown}`);
  }
  const unknown = Object.keys(row).filter((member) => !MEMBERS.has(member));
  if (unknown.length > 0) throw new TypeError(`a deviation has no ${unknown}: ${shown}`);
}
