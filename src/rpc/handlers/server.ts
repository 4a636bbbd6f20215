import type { Init, pb } from '../../wire/index.js';
import type { CallContext, DatabaseContext } from '../context.js';

export function health({ services }: CallContext): Init<pb.HealthResponse> {
  return { status: services.health(), version: services.identity.protocolVersion };
}

export function serverInfo({ services }: CallContext): Init<pb.ServerInfoResponse> {
  const { protocolVersion, startedAt } = services.identity;
  const databases = services.databases.list();
  let numTransactions = 0;
  let databasesDiskSize = 0;
  for (const info of databases) {
    numTransactions += info.numTransactions;
    databasesDiskSize += info.diskSize;
  }
  return {
    version: protocolVersion,
    startedAt,
    numTransactions,
    numDatabases: databases.length,
    databasesDiskSize,
  };
}

export function databaseHealth({ database }: DatabaseContext): Init<pb.DatabaseHealthResponse> {
  const { pendingRequests, lastRequestCompletedAt } = database.health();
  return { pendingRequests, lastRequestCompletedAt };
}
