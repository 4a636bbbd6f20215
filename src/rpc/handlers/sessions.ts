import type { Init, pb } from '../../wire/index.js';
import type { CallContext, LoginContext } from '../context.js';
import { userNameFrom } from '../convert/users.js';

export async function login(
  context: CallContext,
  request: pb.LoginRequest,
): Promise<Init<pb.LoginResponse>> {
  const { services, peer } = context;
  const { token, warning, caller } = await services.auth.login({
    userName: userNameFrom(request.user),
    password: request.password,
    address: peer.address,
  });
  context.noteCaller(caller);
  return { token, warning: Buffer.from(warning) };
}

export function logout({ services, credentials }: CallContext): Init<pb.Empty> {
  services.auth.logout(credentials);
  return {};
}

export async function openSession(
  context: CallContext,
  request: pb.OpenSessionRequest,
): Promise<Init<pb.OpenSessionResponse>> {
  const { services, peer } = context;
  const { sessionId, caller } = await services.auth.openSession({
    userName: userNameFrom(request.username),
    password: request.password,
    database: request.databaseName,
    address: peer.address,
  });
  context.noteCaller(caller);
  return { sessionID: sessionId, serverUUID: services.identity.uuid };
}

export function keepAlive({ services, credentials }: CallContext): Init<pb.Empty> {
  services.auth.keepAlive(credentials);
  return {};
}

export function closeSession({ services, credentials }: CallContext): Init<pb.Empty> {
  services.auth.closeSession(credentials);
  return {};
}

/** A database that is not loaded, or cannot be opened, is not selected. */
export async function useDatabase(
  { services, caller }: LoginContext,
  { databaseName }: pb.Database,
): Promise<Init<pb.UseDatabaseReply>> {
  await services.databases.open(databaseName);
  return { token: services.auth.useDatabase(caller, databaseName).token };
}
