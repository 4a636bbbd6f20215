/** One event on its way out. */
export interface SinkLine {
  readonly seq: number;
  /** As it stands in the file, without its end. */
  readonly text: string;
}

/** A second place that lines go to. */
export interface Sink {
  /** Resolves when the other side has taken all of them. A failure may have sent some: they come again. */
  send(lines: readonly SinkLine[]): Promise<void>;
  close(): Promise<void>;
}
