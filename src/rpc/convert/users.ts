import { goTimeText, type UserInfo } from '../../auth/index.js';
import type { Init, pb } from '../../wire/index.js';

export function userToMessage(user: UserInfo): Init<pb.User> {
  return {
    user: Buffer.from(user.name),
    permissions: user.permissions.map(({ database, permission }) => ({ database, permission })),
    createdby: user.createdBy,
    createdat: goTimeText(user.createdAt),
    active: user.active,
  };
}

/** User names are ASCII; whatever else the bytes hold names nobody. */
export function userNameFrom(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
