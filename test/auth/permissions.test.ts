import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AccessLevel,
  isGrantable,
  isPermission,
  permits,
} from '../../src/auth/permissions.js';

const TABLE: Array<[permission: 0 | 1 | 2 | 254 | 255, permitted: AccessLevel[]]> = [
  [0, []],
  [1, ['read']],
  [2, ['read', 'write']],
  [254, ['read', 'write', 'admin']],
  [255, ['read', 'write', 'admin']],
];

test('each permission permits its levels and no others', () => {
  for (const [permission, permitted] of TABLE) {
    for (const level of ['read', 'write', 'admin'] as const) {
      assert.equal(permits(permission, level), permitted.includes(level), `${permission} ${level}`);
    }
  }
});

test('only read, read/write and admin can be granted', () => {
  const tried = [-1, 0, 0.5, 1, 2, 3, 7, 253, 254, 255, 256, 4294967295, Number.NaN];
  assert.deepEqual(tried.filter(isGrantable), [1, 2, 254]);
});

test('a stored permission is one of the known numbers', () => {
  const tried = [0, 1, 2, 254, 255, 3, 253, 4294967295, '1', null, undefined, true];
  assert.deepEqual(tried.filter(isPermission), [0, 1, 2, 254, 255]);
});
