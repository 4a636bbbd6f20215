import type { Deviations } from './deviations.js';
import type { StepResult } from './play.js';
import type { Difference } from './trace.js';

const SHOWN_MAX = 6;

/** Says what was not as recorded, and counts the steps. */
export class Report {
  readonly #deviations: Deviations;
  readonly #print: (line: string) => void;
  /** By version. */
  readonly #passed = new Map<string, number>();
  #failed = 0;
  #meant = 0;

  constructor(deviations: Deviations, print: (line: string) => void = console.log) {
    this.#deviations = deviations;
    this.#print = print;
  }

  /** @param trace version and scenario */
  played(trace: string, results: readonly StepResult[]): void {
    for (const { step, differences } of results) {
      const unexplained = differences.filter(
        (difference) => !this.#deviations.explains(trace, step.name, difference),
      );
      this.#meant += differences.length - unexplained.length;
      if (unexplained.length === 0) {
        const [version = ''] = trace.split('/');
        this.#passed.set(version, (this.#passed.get(version) ?? 0) + 1);
        continue;
      }
      this.#failed++;
      this.#print(`DIFFERS  ${trace}: ${step.name} (${step.method.split('/').pop()})`);
      this.#show(unexplained);
    }
  }

  /** A trace that did not come to its end: all its steps failed. */
  broke(trace: string, stepCount: number, error: unknown): void {
    this.#failed += stepCount;
    this.#print(`BROKE    ${trace}: ${error instanceof Error ? error.message : String(error)}`);
  }

  /**
   * Counts together; the last line is the sum. A deviation that explained nothing is a failure when all
   * traces were played: the list says only what is so.
   *
   * @returns whether all passed
   */
  end({ complete }: { readonly complete: boolean }): boolean {
    for (const row of complete ? this.#deviations.unused() : []) {
      this.#failed++;
      this.#print(`NO LONGER OCCURS  ${JSON.stringify(row)}`);
    }
    for (const [version, count] of [...this.#passed].sort()) {
      this.#print(`${version}: ${count} steps passed`);
    }
    const passed = [...this.#passed.values()].reduce((sum, count) => sum + count, 0);
    this.#print(`${this.#meant} differences are meant`);
    this.#print(`${passed} passed, ${this.#failed} failed`);
    return passed > 0 && this.#failed === 0;
  }

  #show(differences: readonly Difference[]): void {
    for (const { where, recorded, came } of differences.slice(0, SHOWN_MAX)) {
      const [was, is] = [JSON.stringify(recorded), JSON.stringify(came)];
      this.#print(`    ${where}: ${was} was recorded, ${is} came`);
    }
    const rest = differences.length - SHOWN_MAX;
    if (rest > 0) this.#print(`    and ${rest} more`);
  }
}
