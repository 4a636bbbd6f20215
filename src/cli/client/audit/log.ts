import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type AuditLevel, logLine } from '../../../auditor/index.js';
import { messageOf } from '../../../base/errors.js';
import { UsageError } from '../../kit/errors.js';
import type { Settings } from '../../kit/settings.js';
import type { World } from '../../kit/world.js';

export interface OpenAuditLog extends AsyncDisposable {
  readonly write: (level: AuditLevel, text: string) => void;
}

/** Lines go to the file if one is named, else to standard output; to standard error where that holds JSON. */
export async function openAuditLog(settings: Settings, world: World): Promise<OpenAuditLog> {
  const named = settings.text('logfile');
  const line = (level: AuditLevel, text: string) => logLine(level, text, new Date());
  if (named === undefined) {
    const put = settings.has('json') ? world.err : (text: string) => world.out.write(text);
    return {
      write: (level, text) => put(line(level, text)),
      [Symbol.asyncDispose]: () => world.out.drained(),
    };
  }
  const file = path.resolve(named);
  try {
    await mkdir(path.dirname(file), { recursive: true });
    const stream = createWriteStream(file, { flags: 'a', mode: 0o640 });
    await once(stream, 'open');
    stream.on('error', (error) => world.err(`--logfile: ${messageOf(error)}\n`));
    return {
      write: (level, text) => void stream.write(line(level, text)),
      [Symbol.asyncDispose]: () => new Promise((resolve) => stream.end(() => resolve())),
    };
  } catch (error) {
    throw new UsageError(`--logfile: ${messageOf(error)}`);
  }
}
