import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArguments } from '../../../src/app/config/arguments.js';
import { ConfigError } from '../../../src/app/config/index.js';

function parsed(...argv: string[]): Record<string, string> {
  return Object.fromEntries([...parseArguments(argv)].map(([name, { text }]) => [name, text]));
}

function refusal(...argv: string[]): string {
  try {
    parseArguments(argv);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return `${error.code}: ${error.message}`;
  }
  return assert.fail(`accepted ${argv.join(' ')}`);
}

test('values stand after a blank or an equals sign', () => {
  assert.deepEqual(parsed('--port', '1', '--dir=/a=b'), { port: '1', dir: '/a=b' });
  assert.deepEqual(parsed('--dir', '--odd'), { dir: '--odd' });
  assert.deepEqual(parsed('--logfile='), { logFile: '' });
});

test('a boolean is true when named, and takes a value only after an equals sign', () => {
  assert.deepEqual(parsed('--auth', '--mtls=false'), { auth: 'true', mtls: 'false' });
  assert.equal(
    refusal('--auth', 'false'),
    'unexpectedArgument: unexpected argument false; write --auth=false',
  );
});

test('letters can be joined and carry the value of the last one', () => {
  assert.deepEqual(parsed('-sm'), { auth: 'true', mtls: 'true' });
  assert.deepEqual(parsed('-dp3322'), { detached: 'true', port: '3322' });
  assert.deepEqual(parsed('-p', '1', '-a=::1', '-s=0'), { port: '1', address: '::1', auth: '0' });
});

test('names are read in both spellings', () => {
  assert.deepEqual(parsed('--signing-key', 'k'), { signingKey: 'k' });
  assert.deepEqual(parsed('--signingKey', 'k'), { signingKey: 'k' });
  assert.deepEqual(parsed('--maxSessions', '1'), { maxSessions: '1' });
});

test('the last of several wins, and lists add up', () => {
  assert.deepEqual(parsed('--port=1', '-p2'), { port: '2' });
  assert.deepEqual(parsed('--exempt-addresses=::1', '--exempt-addresses', '10.0.0.1'), {
    exemptAddresses: '::1,10.0.0.1',
  });
});

test('an unknown option is refused with the nearest name', () => {
  assert.equal(
    refusal('--prot', '1'),
    'unknownOption: unknown option --prot (did you mean --port?)',
  );
  assert.equal(refusal('--zzzzzzzz'), 'unknownOption: unknown option --zzzzzzzz');
  assert.equal(refusal('-port', '1'), 'unknownOption: unknown option -port (did you mean --port?)');
  assert.equal(refusal('-x'), 'unknownOption: unknown option -x');
  assert.match(refusal('--constructor'), /^unknownOption/);
});

test('an option without its value and a stray argument are refused', () => {
  assert.match(refusal('--port'), /^missingValue: --port needs a value: expected a whole number/);
  assert.match(refusal('-p'), /^missingValue: -p needs a value/);
  assert.equal(refusal('server'), 'unexpectedArgument: unexpected argument server');
  assert.equal(refusal('--'), 'unexpectedArgument: unexpected argument --');
  assert.equal(refusal('-'), 'unexpectedArgument: unexpected argument -');
});
