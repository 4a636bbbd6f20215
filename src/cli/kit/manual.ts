/** A command as its users are told of it. */
export interface ManualCommand {
  readonly name: string;
  readonly aliases?: readonly string[] | undefined;
  /** Words that may follow the name and choose what is done. */
  readonly actions?: readonly string[] | undefined;
  /** Follows the name in the usage line. */
  readonly usage: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Laid out already. */
  readonly details?: string | undefined;
  /** Flags that only it takes. */
  readonly options?: readonly ManualOption[] | undefined;
}

export interface ManualOption {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string | undefined;
  /** What stands for its value; absent when it takes none. */
  readonly value?: string | undefined;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Shown as its default. */
  readonly fallback?: string | undefined;
}

export interface OptionSection {
  readonly title: string;
  readonly options: readonly ManualOption[];
}

/** All that is said of a program: its manual page and the completion of its command line are made of it. */
export interface Manual {
  readonly program: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Command lines, without the program. */
  readonly usage: readonly string[];
  readonly commands: readonly ManualCommand[];
  /** First words that several commands have in common. */
  readonly groups?: readonly { readonly name: string; readonly summary: string }[] | undefined;
  readonly options: readonly OptionSection[];
  /** Further sections: a title, then paragraphs. */
  readonly sections: readonly (readonly [title: string, ...paragraphs: string[]])[];
  readonly seeAlso: readonly string[];
}

/** What an exit code says; the same of all programs. */
export const EXIT_STATUS: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'success'],
  [1, 'failure'],
  [2, 'wrong arguments or configuration'],
  [3, 'not verified: something was changed, removed or is not proved'],
  [74, 'the disk or the audit stream failed'],
];
