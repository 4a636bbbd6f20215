import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { METHOD_ROWS } from '../../src/rpc/methods.js';
import { METHOD_NAMES, type MethodName, pb } from '../../src/wire/index.js';
import { FakeClock } from '../support/fake-clock.js';
import type { GrpcClient, RawAnswer } from '../support/grpc-client.js';
import { RpcFixture, rawCall } from './fixture.js';
import { ROLE_MATRIX } from './role-matrix.js';
import {
  CALLERS,
  type CallerName,
  type Outcome,
  renderRoleMatrix,
  roleMatrix,
} from './role-rules.js';

/**
 * Every method, called by everybody on a real server: what the table says is what the server does.
 * Requests are empty, or name what rights are asked for, so a call that is let in may still fail for
 * another reason; which texts mean that it was not let in stands in `outcomeOf`.
 */

const PASSWORD = 'Passw0rd!';
const TOKEN_LIFETIME_MS = 24 * 3_600_000;

const DENIED =
  /^(?:permission denied|loggedin user does not|the database '.*' does not exist or you do not|Logged in user does not|you do not have permission|user is not system admin nor|user target was not found or it|target was not created by you)/;
const NOT_LOGGED_IN =
  /^(?:not logged in|invalid token|token has expired|session not found|no session found|no session auth data)/;
const UNIMPLEMENTED = 12;

/** They end the login, replace it or the database of its session: last, in this order. */
const LAST: readonly MethodName[] = ['UseDatabase', 'KeepAlive'];
const ENDING: readonly MethodName[] = ['Logout', 'CloseSession'];

type Credentials = NonNullable<Parameters<GrpcClient['raw']>[3]>;

function outcomeOf({ code, details }: RawAnswer): Outcome {
  if (code === UNIMPLEMENTED) return 'unimplemented';
  if (NOT_LOGGED_IN.test(details)) return 'notLoggedIn';
  return DENIED.test(details) ? 'denied' : 'served';
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** What each caller asks for where the answer depends on it. */
function requestFor(method: MethodName, caller: CallerName): Buffer {
  switch (method) {
    case 'CreateUser': {
      const user = bytes(`by_${caller}`);
      const request = { user, password: bytes(PASSWORD), permission: 1, database: 'defaultdb' };
      return pb.encodeCreateUserRequest(request);
    }
    case 'ChangePassword':
      return pb.encodeChangePasswordRequest({
        user: bytes('target'),
        newPassword: bytes(PASSWORD),
      });
    case 'ChangePermission': {
      const permission = caller === 'admin' ? 1 : 2;
      const request = { action: 0, username: 'target', database: 'defaultdb', permission };
      return pb.encodeChangePermissionRequest(request);
    }
    case 'SetActiveUser':
      return pb.encodeSetActiveUserRequest({ username: 'target', active: true });
    case 'UseDatabase':
      return pb.encodeDatabase({ databaseName: 'other' });
  }
  const row = METHOD_ROWS[method];
  const named = !('unimplemented' in row) && typeof row.database === 'object';
  // The admin's is still there when others have deleted theirs.
  const databaseName = caller === 'sysadmin' ? 'unmanaged' : 'managed';
  return named ? pb.encodeDatabase({ databaseName }) : Buffer.alloc(0);
}

class Cast {
  readonly fixture: RpcFixture;
  readonly admin: GrpcClient;
  readonly clock: FakeClock;

  constructor(fixture: RpcFixture, admin: GrpcClient, clock: FakeClock) {
    this.fixture = fixture;
    this.admin = admin;
    this.clock = clock;
  }

  async user(name: string, permission: number, database = 'defaultdb'): Promise<void> {
    const [user, password] = [bytes(name), bytes(PASSWORD)];
    await this.admin.call('CreateUser', { user, password, permission, database });
  }

  token(name: string): Promise<string> {
    return this.fixture.client().login(name, PASSWORD);
  }

  session(name: string): Promise<string> {
    return this.fixture.client().openSession('defaultdb', name, PASSWORD);
  }

  /** Both kinds of login of one writer, before something happens to him. */
  async both(name: string, event: () => Promise<unknown>): Promise<[Credentials, Credentials]> {
    await this.user(name, 2);
    const token = await this.token(name);
    const sessionId = await this.session(name);
    await event();
    return [{ token }, { sessionId }];
  }
}

async function open(t: TestContext): Promise<Cast> {
  const clock = new FakeClock();
  const auth = {
    maxTokensPerUser: 10_000,
    loginFailuresBeforeDelay: 0,
    tokenLifetimeMs: TOKEN_LIFETIME_MS,
  };
  const fixture = await RpcFixture.start(t, { auth, authClock: clock });
  const admin = await fixture.loggedIn();
  for (const databaseName of ['other', 'managed', 'unmanaged']) {
    await admin.call('CreateDatabase', { databaseName });
  }
  const cast = new Cast(fixture, admin, clock);
  await cast.user('target', 1);
  await cast.user('reader', 1);
  await cast.user('writer', 2);
  await cast.user('admin', 254);
  await cast.user('stranger', 1, 'other');
  const grant = { action: 0, username: 'admin', database: 'managed', permission: 254 };
  await admin.call('ChangePermission', grant);
  return cast;
}

async function endedLogins(cast: Cast): Promise<Partial<Record<CallerName, Credentials>>> {
  const { fixture, admin } = cast;
  const leaver = fixture.client();
  const loggedOut = { token: await leaver.login('writer', PASSWORD) };
  await leaver.call('Logout', {});
  const closer = fixture.client();
  const closedSession = { sessionId: await closer.openSession('defaultdb', 'writer', PASSWORD) };
  await closer.call('CloseSession', {});
  const [deactivated, deactivatedSession] = await cast.both('gone', () =>
    admin.call('SetActiveUser', { username: 'gone', active: false }),
  );
  const [passwordChanged, passwordChangedSession] = await cast.both('renewed', () =>
    admin.call('ChangePassword', { user: bytes('renewed'), newPassword: bytes(`${PASSWORD}2`) }),
  );
  const lower = (username: string) => () =>
    admin.call('ChangePermission', { action: 0, username, database: 'defaultdb', permission: 1 });
  const [rightsChanged, rightsChangedSession] = await cast.both('lowered', lower('lowered'));
  return {
    loggedOut,
    closedSession,
    deactivated,
    deactivatedSession,
    passwordChanged,
    passwordChangedSession,
    rightsChanged,
    rightsChangedSession,
    rightsLost: { token: await cast.token('lowered') },
  };
}

async function everybody(cast: Cast): Promise<Record<CallerName, Credentials>> {
  const { fixture, clock } = cast;
  // First what is to be over when the clock has moved.
  const expiredToken = { token: await cast.token('writer') };
  const expiredSession = { sessionId: await cast.session('writer') };
  clock.advance(TOKEN_LIFETIME_MS + 1000);
  await cast.admin.login();
  const ended = await endedLogins(cast);
  const stranger = await fixture.loggedIn('stranger', PASSWORD);
  const sysadmin = await fixture.client().login();
  const sessionId = await cast.session('writer');
  return {
    noToken: { anonymous: true },
    garbageToken: { token: 'garbage' },
    expiredToken,
    expiredSession,
    unknownSession: { sessionId: 'nobody' },
    otherDatabase: { token: await stranger.useDatabase('other') },
    reader: { token: await cast.token('reader') },
    writer: { token: await cast.token('writer') },
    admin: { token: await cast.token('admin') },
    sysadmin: { token: sysadmin },
    foreignSession: {
      anonymous: true,
      headers: { sessionid: sessionId, authorization: `Bearer ${sysadmin}` },
    },
    ...ended,
  } as Record<CallerName, Credentials>;
}

function methodsFor(credentials: Credentials): MethodName[] {
  const late = new Set<MethodName>([...LAST, ...ENDING, 'DeleteDatabase']);
  const first = METHOD_NAMES.filter((name) => !late.has(name));
  const isSession = credentials.headers !== undefined;
  return [...first, ...LAST, ...(isSession ? ENDING : ENDING.toReversed()), 'DeleteDatabase'];
}

/** For the call after the end of the login: whoever was somebody logs in again as the same. */
async function renewed(cast: Cast, caller: CallerName, given: Credentials): Promise<Credentials> {
  const names: Partial<Record<CallerName, string>> = {
    reader: 'reader',
    writer: 'writer',
    admin: 'admin',
    foreignSession: 'writer',
    rightsLost: 'lowered',
  };
  if (caller === 'sysadmin') return { token: await cast.fixture.client().login() };
  if (caller === 'otherDatabase') {
    const client = await cast.fixture.loggedIn('stranger', PASSWORD);
    return { token: await client.useDatabase('other') };
  }
  const name = names[caller];
  return name === undefined ? given : { token: await cast.token(name) };
}

test('the checked-in matrix is what follows from the method table', () => {
  assert.deepEqual(ROLE_MATRIX, roleMatrix());
  assert.ok(renderRoleMatrix().includes("    rightsLost: 'denied',"));
});

test('every method answers every caller as the matrix says', async (t) => {
  const cast = await open(t);
  const credentials = await everybody(cast);
  const wrong: string[] = [];
  let calls = 0;
  // The sysadmin logs out at the end of his turn; the stranger beside whose token a session stands must not.
  const order = [...CALLERS].sort((a, b) => Number(a === 'sysadmin') - Number(b === 'sysadmin'));
  for (const caller of order) {
    const client = cast.fixture.client();
    const given = credentials[caller];
    for (const method of methodsFor(given)) {
      const used = method === 'DeleteDatabase' ? await renewed(cast, caller, given) : given;
      const answer = await rawCall(client, method, [requestFor(method, caller)], used);
      calls++;
      const expected = ROLE_MATRIX[method][caller];
      const seen = outcomeOf(answer);
      if (seen !== expected) {
        wrong.push(
          `${caller} ${method}: ${seen}, not ${expected}: ${answer.code} ${answer.details}`,
        );
      } else if (seen !== 'served') {
        assert.equal(answer.messages.length, 0, `${caller} ${method} got data`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.equal(calls, METHOD_NAMES.length * CALLERS.length);
});
