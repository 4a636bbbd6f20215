import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { GrpcClient } from '../support/grpc-client.js';
import { grpcStatus, openStream, RpcFixture } from './fixture.js';

/** Streams that wait for their client end with the login that they came with. */

const PASSWORD = 'Passw0rd!';
const WITHIN_MS = 1000;

type Event = (admin: GrpcClient, writer: GrpcClient) => Promise<unknown>;

const EVENTS: Readonly<Record<string, Event>> = {
  'the user is deactivated': (admin) =>
    admin.call('SetActiveUser', { username: 'writer', active: false }),
  'the user loses rights': (admin) =>
    admin.call('ChangePermission', {
      action: 0,
      username: 'writer',
      database: 'defaultdb',
      permission: 1,
    }),
  'the password changes': (admin) =>
    admin.call('ChangePassword', {
      user: Buffer.from('writer'),
      newPassword: Buffer.from(`${PASSWORD}2`),
    }),
};

async function start(t: TestContext): Promise<[RpcFixture, GrpcClient]> {
  const fixture = await RpcFixture.start(t);
  const admin = await fixture.loggedIn();
  const [user, password] = [Buffer.from('writer'), Buffer.from(PASSWORD)];
  await admin.call('CreateUser', { user, password, permission: 2, database: 'defaultdb' });
  return [fixture, admin];
}

async function assertEnds(
  t: TestContext,
  fixture: RpcFixture,
  logins: readonly Readonly<Record<string, string>>[],
  event: () => Promise<unknown>,
): Promise<void> {
  const methods = ['streamSet', 'streamExecAll', 'streamVerifiableSet'] as const;
  const streams = logins.flatMap((login) =>
    methods.map((method) => openStream(t, fixture, method, login)),
  );
  const ends = streams.map(grpcStatus);
  await Promise.all(streams.map((stream) => once(stream, 'response')));
  await event();
  const begin = performance.now();
  for (const status of await Promise.all(ends)) assert.notEqual(status, '0');
  assert.ok(performance.now() - begin < WITHIN_MS);
}

for (const [name, event] of Object.entries(EVENTS)) {
  test(`streams of tokens and sessions end when ${name}`, async (t) => {
    const [fixture, admin] = await start(t);
    const writer = fixture.client();
    const authorization = `Bearer ${await writer.login('writer', PASSWORD)}`;
    const sessionid = await fixture.client().openSession('defaultdb', 'writer', PASSWORD);
    await assertEnds(t, fixture, [{ authorization }, { sessionid }], () => event(admin, writer));
  });
}

test('streams end when their own login logs out, and those of others go on', async (t) => {
  const [fixture] = await start(t);
  const writer = fixture.client();
  const authorization = `Bearer ${await writer.login('writer', PASSWORD)}`;
  const other = await fixture.client().login('writer', PASSWORD);
  const spared = openStream(t, fixture, 'streamSet', { authorization: `Bearer ${other}` });
  let ended = false;
  spared.once('trailers', () => {
    ended = true;
  });
  await once(spared, 'response');
  await assertEnds(t, fixture, [{ authorization }], () => writer.call('Logout', {}));
  assert.equal(ended, false);

  const session = fixture.client();
  const sessionid = await session.openSession('defaultdb', 'writer', PASSWORD);
  await assertEnds(t, fixture, [{ sessionid }], () => session.call('CloseSession', {}));
  assert.equal(ended, false);
});
