/**
 * A process that takes the lock of the directory in argv[2], says so, and holds it until its standard
 * input ends. Options of the lock, as JSON, in argv[3].
 */
import { once } from 'node:events';
import { LockError, type LockOptions, lockDirectory } from '../../src/base/lock-file.js';

const [, , directory = '', options = '{}'] = process.argv;
try {
  const lock = await lockDirectory(directory, JSON.parse(options) as LockOptions);
  process.stdout.write('held\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  process.stdout.write(`${lock.isHeld() ? 'still held' : 'lost'}\n`);
  await lock.release();
} catch (error) {
  if (!(error instanceof LockError)) throw error;
  process.stdout.write(`refused ${error.message}\n`);
}
