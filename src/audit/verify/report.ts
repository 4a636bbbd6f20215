/** What was found to be wrong. */
export type ProblemKind =
  /** A line that cannot be read. */
  | 'line'
  /** Numbers that do not rise by one. */
  | 'sequence'
  /** A line that is not the one that the next was chained to. */
  | 'chain'
  /** A file that is not what its seal says. */
  | 'seal'
  /** Seals that do not follow each other, or do not verify in their database. */
  | 'sealChain'
  /** A file that is not there, and whose deletion no event records. */
  | 'missingFile'
  /** Lines that a checkpoint saw are gone or changed. */
  | 'checkpoint'
  /** A file that is hashed with another key, and no event says why. */
  | 'key'
  /** A committed transaction that no event names. */
  | 'transaction'
  /** Bytes after the last line. */
  | 'tail';

export interface Problem {
  readonly kind: ProblemKind;
  readonly file: string;
  /** From 1; undefined when the file as a whole is meant. */
  readonly line: number | undefined;
  readonly seq: number | undefined;
  readonly what: string;
}

export interface VerifyReport {
  /** Nothing is wrong with what was checked; `sealsChecked` says how much that is. */
  readonly ok: boolean;
  readonly files: number;
  readonly lines: number;
  readonly bytes: number;
  readonly firstSeq: number | undefined;
  readonly lastSeq: number | undefined;
  /** Hash of the newest line. */
  readonly head: string | undefined;
  /** Without seals only the chain is checked, and who rewrites all of it is not found. */
  readonly sealsChecked: number;
  /** Closed files without a seal: the newest ones may wait for theirs. */
  readonly filesUnsealed: number;
  readonly checkpointChecked: boolean;
  /** Seals of files whose deletion is recorded. */
  readonly deletedFiles: number;
  /** Transactions that have their events; undefined where the rules left some out, or nothing was asked for. */
  readonly transactionsChecked: number | undefined;
  readonly problems: readonly Problem[];
  readonly elapsedMs: number;
}

export function describeProblem({ file, line, seq, what }: Problem): string {
  const places = [file];
  if (line !== undefined) places.push(`line ${line}`);
  if (seq !== undefined) places.push(`seq ${seq}`);
  return `${places.join(', ')}: ${what}`;
}
