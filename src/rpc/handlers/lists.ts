import type { Init, pb } from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';
import { entryToMessage, zEntryToMessage } from '../convert/entries.js';
import { historyRequestFrom, scanRequestFrom, zScanRequestFrom } from '../convert/requests.js';

const NO_PREFIX = new Uint8Array(0);

export async function scan(
  { database }: DatabaseContext,
  request: pb.ScanRequest,
): Promise<Init<pb.Entries>> {
  const entries = await database.scan(scanRequestFrom(request));
  return { entries: entries.map(entryToMessage) };
}

export async function zScan(
  { database }: DatabaseContext,
  request: pb.ZScanRequest,
): Promise<Init<pb.ZEntries>> {
  const entries = await database.zScan(zScanRequestFrom(request));
  return { entries: entries.map(zEntryToMessage) };
}

export function history(
  { database }: DatabaseContext,
  request: pb.HistoryRequest,
): Init<pb.Entries> {
  return { entries: database.history(historyRequestFrom(request)).map(entryToMessage) };
}

export async function count(
  { database }: DatabaseContext,
  { prefix }: pb.KeyPrefix,
): Promise<Init<pb.EntryCount>> {
  return { count: await database.count(prefix) };
}

export async function countAll({ database }: DatabaseContext): Promise<Init<pb.EntryCount>> {
  return { count: await database.count(NO_PREFIX) };
}
