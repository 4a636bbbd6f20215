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
  { services, caller }: LoginContext,
  request: pb.ChangePasswordRequest,
): Promise<Init<pb.Empty>> {
  const { oldPassword, newPassword } = request;
  const userName = userNameFrom(request.user);
  await services.auth.changePassword(caller, { userName, oldPassword, newPassword });
  return {};
}

export async function changePermission(
  { services, caller }: LoginContext,
  request: pb.ChangePermissionRequest,
): Promise<Init<pb.Empty>> {
  const { action, username, database, permission } = request;
  await services.auth.changePermission(caller, {
    action,
    userName: username,
    database,
    permission,
  });
  return {};
}

export async function setActiveUser(
  { services, caller }: LoginContext,
  { username, active }: pb.SetActiveUserRequest,
): Promise<Init<pb.Empty>> {
  await services.auth.setActiveUser(caller, username, active);
  return {};
}

/** How the server is protected is a matter of its options. */
export function notSupported(): never {
  throw new RpcError('operationNotSupported');
}
