import { Readable, Writable } from 'node:stream';
import { main } from '../../src/cli/client/main.js';
import type { Process } from '../../src/cli/kit/world.js';

export interface Run {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is piped in. */
  readonly stdin?: string | Uint8Array;
}

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** Runs `steleclient` in this process, with pipes and an environment of its own. */
export function runClient(run: Run): Promise<Ended> {
  return runMain(main, run);
}

/** Runs a program in this process. */
export async function runMain(
  program: (args: readonly string[], world: Process) => Promise<number>,
  { args, env = {}, stdin = '' }: Run,
): Promise<Ended> {
  const out: Buffer[] = [];
  let err = '';
  const pieces = stdin.length === 0 ? [] : [Buffer.from(stdin as string)];
  const write = (data: Uint8Array | string) => {
    out.push(Buffer.from(data as string));
  };
  const note = (text: string) => {
    err += text;
  };
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      write(chunk);
      done();
    },
  });
  const exitCode = await program(args, {
    env,
    input: Readable.from(pieces, { objectMode: false }),
    output,
    out: { write, drained: async () => {} },
    err: note,
    prompt: note,
    outIsTerminal: false,
    errIsTerminal: false,
    onInterrupt: () => {},
    stayWithoutReader: () => {},
  });
  const stdoutBytes = Buffer.concat(out);
  return { exitCode, stdout: stdoutBytes.toString('utf8'), stdoutBytes, stderr: err };
}
