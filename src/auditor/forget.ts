import { systemClock } from '../base/clock.js';
import { ensureDirectory } from '../base/durable-file.js';
import { lockDirectory } from '../base/lock-file.js';
import { AuditStateStore } from './state-store.js';

/**
 * Makes the auditor trust anew what was replaced on purpose: the server at an address, or one of its
 * databases. What was kept of the one before stays in the folder.
 * @returns whether anything was known
 * @throws LockError while an auditor works in the folder; AuditorError
 */
export async function forget(
  folder: string,
  address: string,
  database: string | undefined,
): Promise<boolean> {
  await ensureDirectory(folder);
  await using _lock = await lockDirectory(folder, { name: 'auditor.lock' });
  const store = new AuditStateStore(folder, systemClock);
  if (database === undefined) return (await store.unpin(address)) !== undefined;
  const server = await store.pinned(address);
  return server !== undefined && (await store.retire({ server, database }));
}
