#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { main } from './main.js';

// `stele help | head` closes the pipe early: nobody reads on, which is no error.
process.stdout.on('error', () => {});

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  script: fileURLToPath(import.meta.url),
  loadServer: async () => (await import('../app/run.js')).runServer,
});

// Everything was closed; what was forgotten does not keep the process.
setTimeout(() => process.exit(), 5000).unref();
