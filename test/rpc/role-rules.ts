import { METHOD_ROWS } from '../../src/rpc/methods.js';
import { METHOD_NAMES, type MethodName } from '../../src/wire/index.js';

/**
 * What the method table says of every method and every caller. `role-matrix.ts` is made from this, checked
 * in, and read by people; the test compares it with what the server does.
 */

/** Who calls, in the order of the columns. */
export const CALLERS = [
  'noToken',
  'garbageToken',
  'expiredToken',
  'loggedOut',
  'otherDatabase',
  'reader',
  'writer',
  'admin',
  'sysadmin',
  /** The id of a session of a writer, beside the sysadmin's token: the rights are those of the session. */
  'foreignSession',
  'unknownSession',
  'expiredSession',
  'closedSession',
  'deactivated',
  'deactivatedSession',
  'passwordChanged',
  'passwordChangedSession',
  'rightsChanged',
  'rightsChangedSession',
  /** A former writer who may only read, and has logged in again. */
  'rightsLost',
] as const;
export type CallerName = (typeof CALLERS)[number];

/** `served`: gets past identification and rights; what the handler answers then is another matter. */
export type Outcome = 'served' | 'denied' | 'notLoggedIn' | 'unimplemented';

export type RoleMatrix = {
  readonly [M in MethodName]: { readonly [C in CallerName]: Outcome };
};

interface Rights {
  /** The level on `defaultdb`. */
  readonly own: number;
  /** The level on `other`. */
  readonly other: number;
  readonly selected: 'own' | 'other';
  readonly sysadmin: boolean;
  readonly session: boolean;
}

const nobody = { own: 0, other: 0, selected: 'own', sysadmin: false, session: false } as const;

/** Callers who are somebody. `managed`, a third database, belongs to the admin. */
const RIGHTS: Readonly<Partial<Record<CallerName, Rights>>> = {
  otherDatabase: { ...nobody, other: 1, selected: 'other' },
  reader: { ...nobody, own: 1 },
  writer: { ...nobody, own: 2 },
  admin: { ...nobody, own: 254 },
  sysadmin: { ...nobody, own: 255, other: 255, sysadmin: true },
  foreignSession: { ...nobody, own: 2, session: true },
  rightsLost: { ...nobody, own: 1 },
};

const LEVELS = { read: 1, write: 2, admin: 254 } as const;

/** Methods for any login whose handlers look at the rights on what the request names. */
const MANAGEMENT: ReadonlySet<MethodName> = new Set([
  'CreateUser',
  'ChangePassword',
  'ChangePermission',
  'SetActiveUser',
]);

/** The target of these was created by the sysadmin, and is in the hands of sysadmins alone. */
const OF_THE_CREATOR: ReadonlySet<MethodName> = new Set(['ChangePassword', 'SetActiveUser']);

const OF_SESSIONS: ReadonlySet<MethodName> = new Set(['CloseSession', 'KeepAlive']);

function outcome(method: MethodName, caller: CallerName): Outcome {
  const row = METHOD_ROWS[method];
  if ('unimplemented' in row) return 'unimplemented';
  if (row.permission === 'none') return 'served';
  const rights = RIGHTS[caller];
  if (rights === undefined) return 'notLoggedIn';
  if (row.permission === 'ownLogin') {
    return OF_SESSIONS.has(method) === rights.session ? 'served' : 'notLoggedIn';
  }
  return mayCall(method, rights) ? 'served' : 'denied';
}

function mayCall(method: MethodName, rights: Rights): boolean {
  const row = METHOD_ROWS[method];
  if ('unimplemented' in row || rights.sysadmin) return true;
  if (OF_THE_CREATOR.has(method)) return false;
  if (MANAGEMENT.has(method)) return rights.own === LEVELS.admin;
  switch (row.permission) {
    case 'none':
    case 'ownLogin':
    case 'login':
      return true;
    case 'sysadmin':
      return false;
    case 'read':
    case 'write':
    case 'admin':
      if (row.database === 'selected') return rights[rights.selected] >= LEVELS[row.permission];
      // UseDatabase names `other`, the rest `managed`.
      if (row.permission === 'read') return rights.other >= LEVELS.read;
      return rights.own === LEVELS.admin;
  }
}

export function roleMatrix(): RoleMatrix {
  const rows = METHOD_NAMES.map((method) => [
    method,
    Object.fromEntries(CALLERS.map((caller) => [caller, outcome(method, caller)])),
  ]);
  return Object.fromEntries(rows) as RoleMatrix;
}

/** The text of `role-matrix.ts`. */
export function renderRoleMatrix(): string {
  const matrix = roleMatrix();
  const lines = METHOD_NAMES.map((method) => {
    const cells = CALLERS.map((caller) => `    ${caller}: '${matrix[method][caller]}',`);
    return [`  ${method}: {`, ...cells, '  },'].join('\n');
  });
  return [
    '// Generated from the method table by scripts/generate-matrix.mjs (npm run generate).',
    "import type { RoleMatrix } from './role-rules.js';",
    '',
    '/** What each method answers to each caller. A method without a row does not compile. */',
    'export const ROLE_MATRIX = {',
    ...lines,
    '} as const satisfies RoleMatrix;',
    '',
  ].join('\n');
}
