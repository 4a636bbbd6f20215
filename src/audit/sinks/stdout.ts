import type { Writable } from 'node:stream';
import type { Sink } from './sink.js';

/** Lines on the standard output, for systems that collect it. */
export function streamSink(output: Writable): Sink {
  return {
    send: (lines) =>
      new Promise((resolve, reject) => {
        const text = lines.map((line) => `${line.text}\n`).join('');
        output.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    close: async () => {},
  };
}
