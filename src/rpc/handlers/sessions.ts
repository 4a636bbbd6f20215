import type { Caller } from '../../auth/index.js';
import type { Init, pb } from '../../wire/index.js';
import type { CallContext, LoginContext } from '../context.js';
import { userNameFrom } from '../convert/users.js';

export async function login(
  context: CallContext,
  request: pb.LoginRequest,
): Promise<Init<pb.LoginResponse>> {
  const { services, peer } = context;
  const userName = userNameFrom(request.user);
  const { token, warning, caller } = await services.auth
    .login({ userName, password: request.password, address: peer.address })
    .catch((error: unknown) => failed(context, userName, error));
  context.noteCaller(caller);
  context.noteData({ default_password: warning !== '', user_active: true });
  return { token, warning: Buffer.from(warning) };
}

/** How often it failed lately is for the event alone. */
function failed(context: CallContext, userName: string, error: unknown): never {
  const { user, address } = context.services.auth.recentFailures(userName, context.peer.address);
  context.noteData({ failures_recent: { address, user } });
  throw error;
}

export function logout(context: CallContext): Init<pb.Empty> {
  loggedOut(context, context.services.auth.logout(context.credentials));
  return {};
}

function loggedOut(context: CallContext, { loggedInAt }: Caller): void {
  const now = context.services.clock.now();
  context.noteData({ reason: 'explicit', session_age_ms: now - (loggedInAt ?? now) });
}

export async function openSession(
  context: CallContext,
  request: pb.OpenSessionRequest,
): Promise<Init<pb.OpenSessionResponse>> {
  const { services, peer } = context;
  const userName = userNameFrom(request.username);
  const { password, databaseName: database } = request;
  const { sessionId, warning, caller } = await services.auth
    .openSession({ userName, password, database, address: peer.address })
    .catch((error: unknown) => failed(context, userName, error));
  context.noteCaller(caller);
  context.noteData({ default_password: warning !== '', user_active: true });
  return { sessionID: sessionId, serverUUID: services.identity.uuid };
}

export function keepAlive({ services, credentials }: CallContext): Init<pb.Empty> {
  services.auth.keepAlive(credentials);
  return {};
}

export function closeSession(context: CallContext): Init<pb.Empty> {
  loggedOut(context, context.services.auth.closeSession(context.credentials));
  return {};
}

/** A database that is not loaded, or cannot be opened, is not selected. */
export async function useDatabase(
  context: LoginContext,
  { databaseName }: pb.Database,
): Promise<Init<pb.UseDatabaseReply>> {
  const { services, caller } = context;
  await services.databases.open(databaseName);
  context.noteData({ previous_db: caller.database ?? '' });
  return { token: services.auth.useDatabase(caller, databaseName).token };
}
