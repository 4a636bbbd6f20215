import { isNotFound, type SteleClient } from '../client/index.js';

/** Newest versions that are looked through where the server does not number them. */
const UNNUMBERED_VERSIONS_MAX = 200;
const UNNUMBERED_PAGE = 10;

/**
 * Whether the history of a key has the version that a transaction wrote. Versions are asked for one at a
 * time, because each comes with its value: as many as halving the numbers takes.
 */
export async function isInHistory(
  client: SteleClient,
  key: Uint8Array,
  txId: number,
  signal: AbortSignal,
): Promise<boolean> {
  const newest = await versionAt(client, key, { desc: true, offset: 0 }, signal);
  if (newest === undefined || newest.txId < txId) return false;
  if (newest.txId === txId) return true;
  if (newest.revision === 0) return isInUnnumbered(client, key, txId, signal);
  let low = 1;
  let high = newest.revision - 1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const version = await versionAt(client, key, { desc: false, offset: middle - 1 }, signal);
    if (version === undefined) return false;
    if (version.txId === txId) return true;
    if (version.txId < txId) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

async function versionAt(
  client: SteleClient,
  key: Uint8Array,
  place: { readonly desc: boolean; readonly offset: number },
  signal: AbortSignal,
) {
  try {
    for await (const entry of client.history(key, { ...place, limit: 1 }, { signal })) return entry;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return undefined;
}

async function isInUnnumbered(
  client: SteleClient,
  key: Uint8Array,
  txId: number,
  signal: AbortSignal,
): Promise<boolean> {
  let count = 0;
  const options = { desc: true, limit: UNNUMBERED_VERSIONS_MAX, pageSize: UNNUMBERED_PAGE };
  for await (const entry of client.history(key, options, { signal })) {
    if (entry.txId <= txId) return entry.txId === txId;
    count++;
  }
  // It may stand further back than was looked.
  return count === UNNUMBERED_VERSIONS_MAX;
}
