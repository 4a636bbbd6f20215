import { Readable, Writable } from 'node:stream';
import { main } from '../../src/cli/client/main.js';

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
export async function runClient({ args, env = {}, stdin = '' }: Run): Promise<Ended> {
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
  const exitCode = await main(args, {
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
