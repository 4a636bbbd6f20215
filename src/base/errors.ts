/**
 * The root of all expected and operating errors. Each layer derives one class with a closed union of
 * codes; `rpc/errors.ts` maps every code to a status. A bug is an assertion failure instead.
 */
export abstract class SteleError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
