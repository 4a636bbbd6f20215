import type { JsonValue } from '../../audit/index.js';
import type {
  DatabaseInfo,
  DatabaseSettings,
  DatabaseSettingsUpdate,
} from '../../database/index.js';
import type { State } from '../../proofs/index.js';
import { type Init, type pb, safeInteger } from '../../wire/index.js';
import type { DatabaseContext, LoginContext } from '../context.js';
import { required } from '../convert/requests.js';
import {
  databaseInfoToMessage,
  oldSettingsToMessage,
  oldSettingsUpdateFrom,
  settingsToMessage,
  settingsUpdateFrom,
} from '../convert/settings.js';
import { RpcError } from '../rpc-error.js';

async function create(
  context: LoginContext,
  name: string,
  update: DatabaseSettingsUpdate,
  ifNotExists = false,
) {
  const { services, caller } = context;
  const { databases, auth } = services;
  // Rights on a database of that name that was deleted must not reach the new one.
  const isNew = !databases.exists(name.toLowerCase());
  if (isNew) await auth.forgetDatabase(name.toLowerCase());
  const created = await databases.create(name, update, { createdBy: caller.userName, ifNotExists });
  context.noteData({ settings: plainSettings(update) });
  return created;
}

/** What was asked for, each setting by its name. */
function plainSettings({
  kept,
  ...own
}: DatabaseSettingsUpdate): Readonly<Record<string, JsonValue>> {
  return { ...own, ...kept };
}

/** Settings that differ, each with its old and new value. */
function changesOf(before: DatabaseSettings, after: DatabaseSettings): Record<string, JsonValue> {
  const [old, now] = [plainSettings(before), plainSettings(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
  const different = names.filter((name) => old[name] !== now[name]);
  return Object.fromEntries(
    different.map((name) => [name, [old[name] ?? null, now[name] ?? null]] as const),
  );
}

/** How far a database has come, for the event. */
function noteState(context: LoginContext, state: State | undefined): void {
  context.noteData({ tx_id: state?.txId ?? 0 });
  if (state !== undefined) context.noteData({ alh: Buffer.from(state.txHash).toString('hex') });
}

export async function createDatabase(
  context: LoginContext,
  { databaseName }: pb.Database,
): Promise<Init<pb.Empty>> {
  await create(context, databaseName, {});
  return {};
}

export async function createDatabaseWith(
  context: LoginContext,
  request: pb.DatabaseSettings,
): Promise<Init<pb.Empty>> {
  await create(context, request.databaseName, oldSettingsUpdateFrom(request));
  return {};
}

export async function createDatabaseV2(
  context: LoginContext,
  request: pb.CreateDatabaseRequest,
): Promise<Init<pb.CreateDatabaseResponse>> {
  const { name, settings, ifNotExists } = request;
  const created = await create(context, name, settingsUpdateFrom(settings), ifNotExists);
  return {
    name: created.info.name,
    settings: settingsToMessage(created.info.settings),
    alreadyExisted: created.alreadyExisted,
  };
}

function visible({ services, caller }: LoginContext) {
  return services.databases.list().filter(({ name }) => services.auth.maySee(caller, name));
}

export function databaseList(context: LoginContext): Init<pb.DatabaseListResponse> {
  return { databases: visible(context).map(({ name }) => ({ databaseName: name })) };
}

export function databaseListV2(context: LoginContext): Init<pb.DatabaseListResponseV2> {
  return { databases: visible(context).map(databaseInfoToMessage) };
}

export async function loadDatabase(
  context: LoginContext,
  { database }: pb.LoadDatabaseRequest,
): Promise<Init<pb.LoadDatabaseResponse>> {
  const { databases } = context.services;
  await databases.load(database);
  noteState(context, databases.lastState(database));
  return { database };
}

export async function unloadDatabase(
  context: LoginContext,
  { database }: pb.UnloadDatabaseRequest,
): Promise<Init<pb.UnloadDatabaseResponse>> {
  const { databases } = context.services;
  await databases.unload(database);
  noteState(context, databases.lastState(database));
  return { database };
}

export async function deleteDatabase(
  context: LoginContext,
  { database }: pb.DeleteDatabaseRequest,
): Promise<Init<pb.DeleteDatabaseResponse>> {
  const { services } = context;
  noteState(context, services.databases.lastState(database));
  await services.databases.delete(database);
  await services.auth.forgetDatabase(database);
  return { database };
}

async function update(
  context: LoginContext,
  name: string,
  changes: DatabaseSettingsUpdate,
): Promise<DatabaseInfo> {
  const { databases } = context.services;
  const { settings: before } = databases.info(name);
  const info = await databases.updateSettings(name, changes);
  context.noteData({ changes: changesOf(before, info.settings) });
  return info;
}

export async function updateDatabase(
  context: LoginContext,
  request: pb.DatabaseSettings,
): Promise<Init<pb.Empty>> {
  await update(context, request.databaseName, oldSettingsUpdateFrom(request));
  return {};
}

export async function updateDatabaseV2(
  context: LoginContext,
  { database, settings }: pb.UpdateDatabaseRequest,
): Promise<Init<pb.UpdateDatabaseResponse>> {
  const info = await update(context, database, settingsUpdateFrom(required(settings)));
  return { database, settings: settingsToMessage(info.settings) };
}

export function getDatabaseSettings({ database }: DatabaseContext): Init<pb.DatabaseSettings> {
  return oldSettingsToMessage(database.name, database.settings);
}

export function getDatabaseSettingsV2({
  database,
}: DatabaseContext): Init<pb.DatabaseSettingsResponse> {
  return { database: database.name, settings: settingsToMessage(database.settings) };
}

/** Answers when all is removed; goes on when the caller does not wait for that. */
export async function truncateDatabase(
  context: LoginContext,
  { database, retentionPeriod }: pb.TruncateDatabaseRequest,
): Promise<Init<pb.TruncateDatabaseResponse>> {
  const period = safeInteger(retentionPeriod, 'TruncateDatabaseRequest.retentionPeriod');
  const next = await context.services.databases.truncate(database, period);
  context.noteData({ truncated_to_tx: next - 1 });
  return { database };
}

/** Nothing waits to be flushed here. */
export function flushIndex(
  { database }: DatabaseContext,
  { cleanupPercentage }: pb.FlushIndexRequest,
): Init<pb.FlushIndexResponse> {
  if (!(cleanupPercentage >= 0 && cleanupPercentage <= 100)) {
    throw new RpcError('invalidPercentage');
  }
  return { database: database.name };
}

/** The index needs no compaction. */
export function compactIndex(): Init<pb.Empty> {
  return {};
}
