import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoginThrottle, networkOf } from '../../src/auth/throttle.js';
import { refusal } from '../support/auth-fixture.js';
import { FakeClock } from '../support/fake-clock.js';

function throttleAfter(failures: number, clock = new FakeClock()): LoginThrottle {
  const options = { loginFailuresBeforeDelay: failures, loginRetryDelayMs: 1_000 };
  return new LoginThrottle(options, clock);
}

function failTimes(throttle: LoginThrottle, count: number, account: string, address: string): void {
  for (let i = 0; i < count; i++) throttle.begin(account, address).failed();
}

test('after the tenth failure there is one try a second', () => {
  const clock = new FakeClock();
  const throttle = throttleAfter(10, clock);
  failTimes(throttle, 10, 'anna', '10.0.0.1');
  for (let second = 0; second < 5; second++) {
    assert.throws(() => throttle.begin('anna', '10.0.0.1'), refusal('loginThrottled'));
    clock.advance(1_000);
    const attempt = throttle.begin('anna', '10.0.0.1');
    assert.throws(() => throttle.begin('anna', '10.0.0.1'), refusal('loginThrottled'));
    attempt.failed();
  }
  assert.equal(throttle.failedCount, 15);
  assert.equal(throttle.refusedCount, 10);
});

test('a refusal says when to come back', () => {
  const clock = new FakeClock();
  const throttle = throttleAfter(10, clock);
  failTimes(throttle, 10, 'anna', '10.0.0.1');
  clock.advance(400);
  assert.throws(() => throttle.begin('anna', '10.0.0.1'), { retryAfterMs: 600 });
});

test('an address that guesses at many accounts is slowed down as a whole', () => {
  const throttle = throttleAfter(10);
  for (let i = 0; i < 10; i++) failTimes(throttle, 1, `user${i}`, '10.0.0.1');
  assert.throws(() => throttle.begin('user99', '10.0.0.1'), refusal('loginThrottled'));
  throttle.begin('user99', '10.0.0.2');
});

test('an account that many addresses guess at is slowed down for all who failed', () => {
  const throttle = throttleAfter(10);
  for (let i = 0; i < 4; i++) failTimes(throttle, 3, 'anna', `10.0.0.${i}`);
  assert.throws(() => throttle.begin('anna', '10.0.0.1'), refusal('loginThrottled'));
  throttle.begin('otto', '10.0.0.1');
});

test('the owner gets in from a fresh address while others guess at his account', () => {
  const throttle = throttleAfter(10);
  for (let i = 0; i < 100; i++) failTimes(throttle, 1, 'anna', `10.0.0.${i}`);
  throttle.begin('anna', '192.0.2.7').failed();
  throttle.begin('anna', '192.0.2.7').succeeded();
});

test('the owner gets in from where he was before, whatever others do from there', () => {
  const throttle = throttleAfter(10);
  throttle.begin('anna', '10.0.0.1').succeeded();
  failTimes(throttle, 10, 'otto', '10.0.0.1');
  assert.throws(() => throttle.begin('otto', '10.0.0.1'), refusal('loginThrottled'));
  throttle.begin('anna', '10.0.0.1').succeeded();
});

test('having been there before is no licence to guess', () => {
  const throttle = throttleAfter(10);
  throttle.begin('anna', '10.0.0.1').succeeded();
  failTimes(throttle, 10, 'anna', '10.0.0.1');
  assert.throws(() => throttle.begin('anna', '10.0.0.1'), refusal('loginThrottled'));
});

test('a success does not clear an account that others guess at', () => {
  const throttle = throttleAfter(10);
  failTimes(throttle, 9, 'anna', '10.0.0.1');
  throttle.begin('anna', '10.0.0.2').succeeded();
  failTimes(throttle, 1, 'anna', '10.0.0.1');
  assert.throws(() => throttle.begin('anna', '10.0.0.1'), refusal('loginThrottled'));
});

test('ten minutes without a failure are forgiven', () => {
  const clock = new FakeClock();
  const throttle = throttleAfter(10, clock);
  failTimes(throttle, 10, 'anna', '10.0.0.1');
  clock.advance(10 * 60_000 + 1);
  throttle.sweep();
  failTimes(throttle, 9, 'anna', '10.0.0.1');
  throttle.begin('anna', '10.0.0.1');
});

test('0 never delays', () => {
  const throttle = throttleAfter(0);
  failTimes(throttle, 100, 'anna', '10.0.0.1');
});

test('a flood of names and addresses costs bounded memory and forgets the oldest first', () => {
  const throttle = throttleAfter(10);
  failTimes(throttle, 10, 'anna', '10.9.9.9');
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 60_000; i++) {
    failTimes(throttle, 1, `user${i}`, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  }
  assert.ok(process.memoryUsage().heapUsed - before < 60_000_000);
  throttle.begin('anna', '10.9.9.9');
});

test('what cannot be a name is counted as one account', () => {
  const throttle = throttleAfter(10);
  for (let i = 0; i < 4; i++) failTimes(throttle, 3, `${i} ${'x'.repeat(100_000)}`, `10.0.0.${i}`);
  assert.throws(() => throttle.begin('another one', '10.0.0.1'), refusal('loginThrottled'));
  throttle.begin('anna', '10.0.0.1');
});

test('of an IPv6 address the /64 counts, of an IPv4 address all of it', () => {
  const same = [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:0001:2::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['2001:db8:1:2:3:4:1.2.3.4', '2001:db8:1:2'],
    ['', ''],
    ['not an address', 'not an address'],
  ] as const;
  for (const [address, network] of same) assert.equal(networkOf(address), network);
});
