import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { mutatedCredentials } from '../access/token-mutations.js';
import { Random } from '../sdk/support/random.js';
import { RpcFixture, rawCall } from './fixture.js';

const CALLS = 300;
/** What a client may put into a header. */
const HEADER = /^[!-~](?:[ -~]*[!-~])?$/;
/** Longer ones end at the limit of the protocol layer. */
const LENGTH_MAX = 4096;

test('hostile tokens and sessions get nothing over the wire, and others go on', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = fixture.client();
  const token = await fixture.client().login();
  const sessionId = await fixture.client().openSession();
  const given = { token, sessionId, key: randomBytes(32) };
  const seed = randomInt(2 ** 31);
  const random = new Random(seed);
  for (let index = 0, sent = 0; sent < CALLS; index++) {
    const { kind, credentials } = mutatedCredentials(index, given, random);
    const { authorization, sessionId: session } = credentials;
    const headers: Record<string, string> = {};
    if (typeof authorization === 'string') headers['authorization'] = authorization;
    if (session !== undefined) headers['sessionid'] = session;
    const values = Object.values(headers);
    if (values.some((text) => !HEADER.test(text) || text.length > LENGTH_MAX)) continue;
    const method = random.pick(['CurrentState', 'ListUsers', 'Set', 'streamSet'] as const);
    const answer = await rawCall(client, method, [Buffer.alloc(0)], { anonymous: true, headers });
    const what = `seed ${seed}, ${index} (${kind}): ${answer.code} ${answer.details}`;
    assert.notEqual(answer.code, 0, what);
    assert.equal(answer.messages.length, 0, what);
    assert.match(
      answer.details,
      /^(?:not logged in|invalid token|session not found|no session)/,
      what,
    );
    sent++;
  }
  const long = { anonymous: true, headers: { authorization: `Bearer ${'A'.repeat(1 << 20)}` } };
  assert.notEqual((await rawCall(fixture.client(), 'CurrentState', [], long)).code, 0);
  assert.equal((await client.call('CurrentState', {}, { token })).db, 'defaultdb');
});
