import type { MethodKind } from '../wire/index.js';
import type { StatusName } from './status.js';

/** What is counted of calls. Labels are names of methods and codes, never texts. */
export interface Metrics {
  started(method: string, kind: MethodKind): void;
  /** @param errorCode code of the error below the status; undefined for OK and for bugs */
  finished(
    method: string,
    kind: MethodKind,
    status: StatusName,
    seconds: number,
    errorCode: string | undefined,
  ): void;
  /** An error that no row of the table knows: a bug. */
  internalError(method: string): void;
}

export const noMetrics: Metrics = {
  started() {},
  finished() {},
  internalError() {},
};
