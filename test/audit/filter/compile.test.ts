import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileFilter } from '../../../src/audit/filter/compile.js';
import { FilterError } from '../../../src/audit/filter/errors.js';
import { MAPPED_EVENTS } from '../../../src/audit/formats/mappings.js';
import { MONGO_ALIASES, withAliases } from '../../../src/audit/formats/mongo.js';
import type { EventData, NativeEvent } from '../../../src/audit/formats/native.js';
import { projectRoot } from '../../support/project.js';
import { sampleEvent } from '../event-samples.js';
import { modelMatches } from './model.js';

async function matches(filter: string, change: Partial<NativeEvent> = {}): Promise<boolean> {
  return (await compileFilter(filter)).matches(sampleEvent(change));
}

const EXAMPLES: readonly [filter: string, yes: Partial<NativeEvent>, no: Partial<NativeEvent>][] = [
  [
    '{ atype: { $in: ["createDatabase", "dropDatabase"] } }',
    { event_name: 'database.delete' },
    { event_name: 'database.use' },
  ],
  [
    '{ "users.user" : { $nin: ["john", "paul", "george"] } }',
    { username: 'ringo' },
    { username: 'paul' },
  ],
  ['{ "users.db" : "production" }', { event_data: { db: 'production' } }, {}],
  [
    "{ atype: 'createUser', users: { db: 'test', user: 'testuser' } }",
    { event_name: 'user.create', username: 'testuser', event_data: { db: 'test' } },
    { event_name: 'user.create', username: 'testuser', event_data: { db: 'other' } },
  ],
  ['{ "users.user" : "tim" }', { username: 'tim' }, { username: 'Tim' }],
  [
    '{ atype: "authCheck", "param.command": { $in: [ "Set", "VerifiableSet" ] }, "param.ns": /^test\\./ }',
    { event_data: { rpc: 'Set', db: 'test', keys: ['h:1'] } },
    { event_data: { rpc: 'Set', db: 'test2' } },
  ],
  [
    '{ $or: [ { atype: "authenticate" }, { "roles.role": "readWrite" } ] }',
    { event_name: 'auth.login.failed', event_data: {} },
    { event_data: { roles: ['read'] } },
  ],
  [
    '{ roles: { role: "readWrite", db: "test" } }',
    { event_data: { db: 'test', roles: ['readWrite'] } },
    { event_data: { db: 'test', roles: ['readWrite2'] } },
  ],
  [
    '{ event_name: /^kv\\./, "event_data.db": { $in: ["ledger"] }, read_only: false, }',
    { event_data: { db: 'ledger' } },
    { event_data: { db: 'ledger' }, read_only: true },
  ],
  [
    '{ ts: { $gte: { $date: "2026-11-22T22:31:26Z" }, $lt: { $date: "2026-11-22T22:32:00+00:00" } } }',
    {},
    { event_time: '2026-11-22T22:31:25.999Z' },
  ],
  [
    '{ event_time: { $lt: { $date: "2026-11-23" } }, "ts.$date": { $gt: "2026" } }',
    {},
    { event_time: '2026-11-23T00:00:00.000Z' },
  ],
  ['{ result: { $ne: 0 } }', { event_name: 'auth.login.failed' }, {}],
  [
    '{ "remote.ip": "10.1.2.3", "remote.port": { $type: "int" } }',
    {},
    { source_ip_address: 'unix' },
  ],
  ['{ $comment: "all" }', {}, { read_only: 5 as never }],
];

test('every example of the documents selects what it says', async () => {
  for (const [filter, yes, no] of EXAMPLES) {
    assert.equal(await matches(filter, yes), true, filter);
    if (!filter.includes('$comment')) assert.equal(await matches(filter, no), false, filter);
  }
});

test('an object from a configuration file is a filter too', async () => {
  const filter = await compileFilter({ 'users.user': 'tim' });
  assert.equal(filter.matches(sampleEvent({ username: 'tim' })), true);
  assert.equal(filter.matches(sampleEvent()), false);
});

const REFUSED: readonly [filter: string, place: RegExp, code: FilterError['code']][] = [
  ['{ a: 1', /column 7: expected , or }/, 'filterSyntax'],
  ['{ a: 1 } x', /column 10: expected the end/, 'filterSyntax'],
  ['[1]', /column 1: a filter is an object/, 'filterSyntax'],
  ['{ a: tim }', /column 6: write the text tim in quotes/, 'filterSyntax'],
  ['{ a: 1, a: 2 }', /column 9: "a" is there twice/, 'filterSyntax'],
  ['{ a: "x }', /column 6: the text has no end/, 'filterSyntax'],
  ['{ a: /x }', /column 6: the regular expression has no closing/, 'filterSyntax'],
  ['{\n $where: "sleep(1)" }', /line 2, column 2: operator \$where is not/, 'filterOperator'],
  ['{ $expr: { $eq: [1, 1] } }', /column 3: operator \$expr/, 'filterOperator'],
  ['{ $jsonSchema: {} }', /column 3: operator \$jsonSchema/, 'filterOperator'],
  ['{ a: { $function: {} } }', /column 8: operator \$function of "a"/, 'filterOperator'],
  ['{ a: { $mod: [2, 0] } }', /operator \$mod of "a"/, 'filterOperator'],
  ['{ a: { $elemMatch: { $where: 1 } } }', /operator \$where/, 'filterOperator'],
  ['{ a: { b: { $gt: 1 } } }', /column 13: \$gt cannot stand inside/, 'filterOperator'],
  ['{ $and: [] }', /\$and needs a list of at least one/, 'filterOperand'],
  ['{ $or: [1] }', /\$or has filters as its members/, 'filterOperand'],
  ['{ a: { $in: "x" } }', /\$in needs a list/, 'filterOperand'],
  ['{ a: { $gt: true } }', /\$gt compares with/, 'filterOperand'],
  ['{ a: { $options: "i" } }', /\$options stands beside/, 'filterOperand'],
  ['{ a: /x/g }', /flags "g"/, 'filterOperand'],
  ['{ a: /(/ }', /column 6: .*RE2/, 'filterOperand'],
  ['{ a: /(?=x)/ }', /look-around/, 'filterOperand'],
  ['{ a: { $type: "date" } }', /unknown type/, 'filterOperand'],
  ['{ a: { $not: 1 } }', /\$not needs operators/, 'filterOperand'],
  ['{ a: { $date: "yesterday" } }', /\$date needs a time/, 'filterOperand'],
  ['{ "a.__proto__.b": 1 }', /is no path/, 'filterPath'],
  ['{ "a..b": 1 }', /is no path/, 'filterPath'],
  [`{ a: ${'['.repeat(40)}`, /nested deeper/, 'filterLimit'],
  [`{ a: /${'x'.repeat(1025)}/ }`, /more than 1024 characters/, 'filterLimit'],
  [`{ $or: [${'{ a: 1 },'.repeat(257)}] }`, /more than 256 tests/, 'filterLimit'],
  [`{ a: "${'x'.repeat(70_000)}" }`, /more than the 65536/, 'filterLimit'],
];

test('what cannot run is refused with the place and the reason', async () => {
  for (const [filter, place, code] of REFUSED) {
    await assert.rejects(compileFilter(filter), (error) => {
      assert.ok(error instanceof FilterError, `${filter.slice(0, 60)}: ${error}`);
      assert.match(error.message, place);
      assert.equal(error.code, code, filter.slice(0, 60));
      return true;
    });
  }
});

test('a regular expression that explodes elsewhere answers at once', async () => {
  const username = `${'a'.repeat(28)}!`;
  const started = performance.now();
  assert.equal(await matches('{ username: /^(a+)+$/ }', { username }), false);
  const compiled = await compileFilter('{ username: /^(a+)+$/ }');
  const again = performance.now();
  assert.equal(compiled.matches(sampleEvent({ username: `${'a'.repeat(30_000)}!` })), false);
  assert.ok(performance.now() - again < 50, `${performance.now() - again} ms for 30,000 letters`);
  assert.ok(performance.now() - started < 150, `${performance.now() - started} ms in all`);
});

const NAMES = ['a', 'b', 'c', 'd'];
const TEXTS = ['', 'x', 'xy', 'yx', 'tim'];
const scalar = fc.oneof(
  fc.constantFrom<string | number | boolean | null>(...TEXTS, 0, 1, 2, -1.5, true, false, null),
);
const flat = fc.dictionary(fc.constantFrom(...NAMES), scalar, {
  maxKeys: 3,
  noNullPrototype: true,
});
/** As events have them: lists of scalars, lists of flat objects, objects of all of these. */
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.array(flat, { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value as fc.Arbitrary<EventData[string]>;
const eventData = fc.dictionary(fc.constantFrom(...NAMES), value, {
  maxKeys: 4,
  noNullPrototype: true,
});
const path = fc
  .array(fc.constantFrom(...NAMES, '0', '1'), { minLength: 1, maxLength: 3 })
  .map((names) => ['event_data', ...names].join('.'));
const pattern = fc
  .constantFrom('x', '^x', 'y$', '^$', 'X', 't.m', '[xy]{2}')
  .map(($regex) => ({ $regex }));
const caseless = pattern.map((regex) => ({ ...regex, $options: 'i' }));
const plain = value.filter((one) => !JSON.stringify(one).includes('$'));
const member = fc.oneof(scalar, plain);
const operators: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  fc.record({ $eq: plain }),
  fc.record({ $ne: plain }),
  fc
    .constantFrom('$gt', '$gte', '$lt', '$lte')
    .chain((op) => fc.constantFrom(...TEXTS, 0, 1, 1.5).map((operand) => ({ [op]: operand }))),
  fc.record({ $in: fc.array(member, { maxLength: 4 }) }),
  fc.record({ $nin: fc.array(member, { maxLength: 4 }) }),
  fc.record({ $all: fc.array(member, { minLength: 1, maxLength: 2 }) }),
  fc.record({ $size: fc.nat(3) }),
  pattern,
  caseless,
  fc.record({ $not: fc.oneof(pattern, fc.record({ $gt: fc.constantFrom(0, 'x') })) }),
  fc.record({ $elemMatch: fc.record({ $gt: fc.constantFrom(0, 'w'), $ne: scalar }) }),
  fc.record({
    $elemMatch: fc.dictionary(fc.constantFrom(...NAMES), scalar, { minKeys: 1, maxKeys: 2 }),
  }),
);
const clause = fc.oneof(
  fc.tuple(path, fc.oneof(plain, operators)).map(([name, operand]) => ({ [name]: operand })),
  fc
    .constantFrom('a', 'b')
    .chain((name) => fc.boolean().map(($exists) => ({ [`event_data.${name}`]: { $exists } }))),
  fc.constantFrom('kv.set', 'kv.get', 'auth.logout').map((name) => ({ event_name: name })),
  fc.constantFrom('authCheck', 'logout').map((name) => ({ atype: { $ne: name } })),
  fc.boolean().map((flag) => ({ read_only: flag })),
);
const filters = fc.letrec((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small' },
    clause,
    fc.tuple(clause, clause).map(([one, other]) => ({ ...one, ...other })),
    fc
      .tuple(
        fc.constantFrom('$and', '$or', '$nor'),
        fc.array(tie('filter'), { minLength: 1, maxLength: 3 }),
      )
      .map(([name, parts]) => ({ [name]: parts })),
  ),
})).filter as fc.Arbitrary<Record<string, never>>;

test('10,000 generated filters and events agree with a second reading of the rules', async () => {
  const pairs = fc.sample(
    fc.tuple(filters, eventData, fc.constantFrom('kv.set', 'kv.get', 'auth.logout'), fc.boolean()),
    { numRuns: 10_000, seed: 20_261_123 },
  );
  let selected = 0;
  for (const [filter, data, eventName, readOnly] of pairs) {
    const event = sampleEvent({ event_name: eventName, read_only: readOnly, event_data: data });
    const compiled = await compileFilter(filter);
    const document = withAliases(event, MONGO_ALIASES);
    const expected = modelMatches(filter, document as never);
    const what = JSON.stringify({ filter, data, eventName, readOnly });
    assert.equal(compiled.matches(event), expected, what);
    const selection = compiled.select(eventName, readOnly);
    if (selection !== 'maybe') assert.equal(selection === 'always', expected, what);
    const byName = compiled.select(eventName);
    if (byName !== 'maybe') assert.equal(byName, selection, what);
    if (expected) selected++;
  }
  assert.ok(selected > 2000 && selected < 8000, `${selected} of 10,000 were selected`);
});

test('a filter says of every event name whether it can ever be selected', async () => {
  const filter = await compileFilter('{ event_name: /^kv\\./, read_only: false, username: "tim" }');
  assert.equal(filter.select('kv.set', false), 'maybe');
  assert.equal(filter.select('kv.get', true), 'never');
  assert.equal(filter.select('auth.logout'), 'never');
  const logins = await compileFilter('{ atype: "authenticate" }');
  const always = MAPPED_EVENTS.filter((name) => logins.select(name) === 'always');
  assert.deepEqual(always, ['auth.login.succeeded', 'auth.login.failed']);
});

test('the libraries are loaded by the first filter and not before', () => {
  const script = `
    const { compileFilter } = await import('./dist/src/audit/filter/compile.js');
    const loaded = () => Object.keys(process.getBuiltinModule('module')._cache).some((f) => f.includes('mingo'));
    const before = loaded();
    await compileFilter('{}');
    console.log(before, loaded());`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  assert.equal(out.trim(), 'false true');
});
