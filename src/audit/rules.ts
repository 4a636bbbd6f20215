import type { Preset } from './catalogue.js';
import { compileFilter } from './filter/compile.js';
import type { SelectionRules } from './selection.js';

/** Takes everything, and needs no compiler. */
const NO_FILTER = '{}';

/** @throws FilterError */
export async function selectionRules(preset: Preset, filter: string): Promise<SelectionRules> {
  return { preset, filter: filter === NO_FILTER ? undefined : await compileFilter(filter) };
}

export function filterText({ filter }: Pick<SelectionRules, 'filter'>): string {
  return filter?.text ?? NO_FILTER;
}
