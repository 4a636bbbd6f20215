/** A recording, as the files of test/vectors/wire hold it. */
export interface Trace {
  readonly scenario: string;
  /** `ignored`: fields of an answer that the recording lacks do not count. */
  readonly extraFields?: string;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly name: string;
  /** Full path. */
  readonly method: string;
  /** Request and response: `u` one message, `c` or `s` a stream. */
  readonly kind: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly requestHex: string | readonly string[];
  /** Name of a variable and number of the field of the answer that it keeps. */
  readonly capture?: Readonly<Record<string, string>>;
  readonly expect: Expectation;
}

export interface Expectation {
  readonly code: number | 'varies';
  readonly details?: string;
  readonly messages?: readonly ExpectedMessage[];
  readonly messagesCount?: string;
  readonly segments?: readonly ExpectedValue[];
  readonly errorDetails?: readonly Readonly<Record<string, unknown>>[];
}

export type ExpectedMessage = Readonly<Record<string, readonly ExpectedValue[]>>;

export interface ExpectedValue {
  /** varint */
  readonly v?: string;
  /** double */
  readonly d?: number;
  /** text */
  readonly s?: string;
  /** bytes in hex */
  readonly b?: string;
  /** message */
  readonly m?: ExpectedMessage;
  readonly any?: unknown;
  readonly optional?: unknown;
  /** `*`: as many as there are. */
  readonly count?: string;
}

/** Where an answer is not as recorded. */
export interface Difference {
  readonly where: string;
  readonly recorded: unknown;
  readonly came: unknown;
}
