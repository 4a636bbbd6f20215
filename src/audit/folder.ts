import { stat } from 'node:fs/promises';
import { ensureDirectory } from '../base/durable-file.js';
import { AuditError } from './errors.js';

const WRITABLE_BY_OTHERS = 0o022;

/** Makes the folder of a stream. @throws AuditError unusable when others may write there */
export async function prepareFolder(folder: string): Promise<void> {
  await ensureDirectory(folder, 0o750);
  const { mode } = await stat(folder);
  if ((mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new AuditError(
    'unusable',
    `${folder} may be written by others than its owner: chmod go-w ${folder}`,
  );
}
