import type { DatabaseSettingsUpdate } from '../../database/index.js';
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
  { services, caller }: LoginContext,
  name: string,
  update: DatabaseSettingsUpdate,
  ifNotExists = false,
) {
  const { databases, auth } = services;
  // Rights on a database of that name that was deleted must not reach the new one.
  const isNew = !databases.exists(name.toLowerCase());
  if (isNew) await auth.forgetDatabase(name.toLowerCase());
  return databases.create(name, update, { createdBy: caller.userName, ifNotExists });
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
  { services }: LoginContext,
  { database }: pb.LoadDatabaseRequest,
): Promise<Init<pb.LoadDatabaseResponse>> {
  await services.databases.load(database);
  return { database };
}

export async function unloadDatabase(
  { services }: LoginContext,
  { database }: pb.UnloadDatabaseRequest,
): Promise<Init<pb.UnloadDatabaseResponse>> {
  await services.databases.unload(database);
  return { database };
}

export async function deleteDatabase(
  { services }: LoginContext,
  { database }: pb.DeleteDatabaseRequest,
): Promise<Init<pb.DeleteDatabaseResponse>> {
  await services.databases.delete(database);
  await services.auth.forgetDatabase(database);
  return { database };
}

export async function updateDatabase(
  { services }: LoginContext,
  request: pb.DatabaseSettings,
): Promise<Init<pb.Empty>> {
  await services.databases.updateSettings(request.databaseName, oldSettingsUpdateFrom(request));
  return {};
}

export async function updateDatabaseV2(
  { services }: LoginContext,
  { database, settings }: pb.UpdateDatabaseRequest,
): Promise<Init<pb.UpdateDatabaseResponse>> {
  const update = settingsUpdateFrom(required(settings));
  const info = await services.databases.updateSettings(database, update);
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
  { services }: LoginContext,
  { database, retentionPeriod }: pb.TruncateDatabaseRequest,
): Promise<Init<pb.TruncateDatabaseResponse>> {
  const period = safeInteger(retentionPeriod, 'TruncateDatabaseRequest.retentionPeriod');
  await services.databases.truncate(database, period);
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
