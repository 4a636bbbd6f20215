/**
 * The program `stele` with a server that does nothing but wait, or what STUB says: everything around
 * the server, from arguments to exit codes, is the real thing.
 */
import { fileURLToPath } from 'node:url';
import type { RunServer } from '../../src/app/hooks.js';
import { main } from '../../src/cli/main.js';

const runServer: RunServer = async (config, secrets, log, { stop, onReady, onHangup }) => {
  onHangup(() => log.info('server told of SIGHUP'));
  switch (process.env.STUB) {
    case 'storage':
      return 74;
    case 'bug':
      throw new TypeError('a bug');
    case 'crash':
      setTimeout(() => {
        throw new TypeError('a late bug');
      });
      break;
    case 'port':
      throw Object.assign(new Error('listen EADDRINUSE: address already in use'), {
        code: 'EADDRINUSE',
        syscall: 'listen',
      });
  }
  log.info('ready', { port: config.port, custom: !secrets.adminPasswordIsDefault });
  onReady();
  const running = setInterval(() => {}, 1000);
  await new Promise<void>((resolve) => {
    if (process.env.STUB !== 'hang') stop.addEventListener('abort', () => resolve());
  });
  clearInterval(running);
  return 0;
};

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  script: fileURLToPath(import.meta.url),
  loadServer: async () => runServer,
});
