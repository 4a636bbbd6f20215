import type { Init, pb } from '../../wire/index.js';
import type { LoginContext } from '../context.js';
import { userNameFrom, userToMessage } from '../convert/users.js';
import { RpcError } from '../rpc-error.js';

export function listUsers({ services, caller }: LoginContext): Init<pb.UserList> {
  return { users: services.auth.listUsers(caller).map(userToMessage) };
}

export async function createUser(
  { services, caller }: LoginContext,
  request: pb.CreateUserRequest,
): Promise<Init<pb.Empty>> {
  const { password, permission, database } = request;
  const userName = userNameFrom(request.user);
  await services.auth.createUser(caller, { userName, password, permission, database });
  return {};
}

export async function changePassword(
  context: LoginContext,
  request: pb.ChangePasswordRequest,
): Promise<Init<pb.Empty>> {
  const { services, caller } = context;
  const { oldPassword, newPassword } = request;
  const userName = userNameFrom(request.user);
  const change = { userName, oldPassword, newPassword };
  const { loginsEnded } = await services.auth.changePassword(caller, change);
  context.noteData({ self: caller.userName === userName, sessions_revoked: loginsEnded });
  return {};
}

export async function changePermission(
  context: LoginContext,
  request: pb.ChangePermissionRequest,
): Promise<Init<pb.Empty>> {
  const { services, caller } = context;
  const { action, username: userName, database, permission } = request;
  const change = { action, userName, database, permission };
  const { loginsEnded, previous } = await services.auth.changePermission(caller, change);
  context.noteData({ previous, sessions_revoked: loginsEnded });
  return {};
}

export async function setActiveUser(
  context: LoginContext,
  { username, active }: pb.SetActiveUserRequest,
): Promise<Init<pb.Empty>> {
  const { services, caller } = context;
  const { loginsEnded } = await services.auth.setActiveUser(caller, username, active);
  context.noteData({ sessions_revoked: loginsEnded });
  return {};
}

/** How the server is protected is a matter of its options. */
export function notSupported(): never {
  throw new RpcError('operationNotSupported');
}
