import type { MethodKind, StatusName } from '../wire/index.js';
import type { FrontFigures, LimitName } from './front/index.js';

/** What is counted of calls. Labels are names of methods and codes, never texts. */
export interface Metrics {
  /** @param address of the client; undefined when its connection is gone already */
  started(method: string, kind: MethodKind, address: string | undefined): void;
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
  connectionAccepted(): void;
  /** A connection or call was refused or ended for a limit. */
  limitReached(limit: LimitName): void;
  /** Called once; `read` tells what is held now. */
  observeFront(read: () => FrontFigures): void;
}

export const noMetrics: Metrics = {
  started() {},
  finished() {},
  internalError() {},
  connectionAccepted() {},
  limitReached() {},
  observeFront() {},
};
