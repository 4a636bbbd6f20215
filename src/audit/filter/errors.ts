import { SteleError } from '../../base/errors.js';

export type FilterErrorCode =
  | 'filterSyntax'
  | 'filterOperator'
  | 'filterOperand'
  | 'filterPath'
  | 'filterLimit';

/** A filter that is refused before it runs. The message has the column, from 1, and what to write instead. */
export class FilterError extends SteleError<FilterErrorCode> {
  /** Characters before the place, from 0. */
  readonly offset: number;

  constructor(code: FilterErrorCode, text: string, offset: number, what: string) {
    super(code, `audit filter, ${placeOf(text, offset)}: ${what}`);
    this.offset = offset;
  }
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  const column = offset - before.lastIndexOf('\n');
  return line === 1 ? `column ${column}` : `line ${line}, column ${column}`;
}
