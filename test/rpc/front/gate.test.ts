import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSet, addressKey } from '../../../src/rpc/front/addresses.js';
import { ConnectionGate, type GateLimits } from '../../../src/rpc/front/connection-gate.js';
import { ControlBudget } from '../../../src/rpc/front/control-budget.js';
import { MemoryReturn } from '../../../src/rpc/front/memory-return.js';
import { ResetBudget, resetsEachCall } from '../../../src/rpc/front/reset-budget.js';

function gate(limits: Partial<GateLimits>): ConnectionGate {
  return new ConnectionGate({
    connectionsMax: 10_000,
    connectionsPerAddressMax: 1000,
    connectionRatePerAddressMax: 200,
    exemptAddresses: [],
    ...limits,
  });
}

const RESETS = { streamResetBurst: 1000, streamResetRate: 33 };
const STRANGER = '192.0.2.7';

test('an address has its own number of connections, and gets places back', () => {
  const some = gate({ connectionsPerAddressMax: 3 });
  for (let i = 0; i < 3; i++) assert.equal(some.enter(STRANGER, 0), undefined);
  assert.equal(some.enter(STRANGER, 0), 'max-connections-per-address');
  assert.equal(some.enter('192.0.2.8', 0), undefined);
  some.leave(STRANGER);
  assert.equal(some.enter(STRANGER, 0), undefined);
  assert.equal(some.open, 4);
});

test('an address makes so many connections in a second and no more', () => {
  const some = gate({ connectionRatePerAddressMax: 200 });
  for (let i = 0; i < 200; i++) assert.equal(some.enter(STRANGER, 5000), undefined);
  assert.equal(some.enter(STRANGER, 5000), 'max-connection-rate-per-address');
  assert.equal(some.enter(STRANGER, 5004), 'max-connection-rate-per-address');
  assert.equal(some.enter(STRANGER, 5010), undefined);
  // A clock that is set back gives nothing away and takes nothing.
  assert.equal(some.enter(STRANGER, 0), undefined);
});

test('loopback and named addresses have the total limit alone', () => {
  const some = gate({
    connectionsMax: 50,
    connectionsPerAddressMax: 1,
    connectionRatePerAddressMax: 1,
    exemptAddresses: ['10.0.0.0/8', '2001:db8::5'],
  });
  const exempt = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '10.1.2.3', '2001:db8::5'];
  for (const address of exempt) {
    for (let i = 0; i < 5; i++) assert.equal(some.enter(address, 0), undefined, address);
  }
  assert.equal(some.enter('2001:db8::6', 0), undefined);
  assert.equal(some.enter('2001:db8::6', 0), 'max-connections-per-address');
  while (some.open < 50) some.enter('::1', 0);
  assert.equal(some.enter('::1', 0), 'max-connections');
});

test('addresses that have left are forgotten', () => {
  const some = gate({});
  for (let i = 0; i < 200; i++) some.enter(`198.51.100.${i}`, 0);
  for (let i = 0; i < 200; i++) some.leave(`198.51.100.${i}`);
  some.sweep(500);
  assert.equal(some.origins, 200);
  some.sweep(1001);
  assert.equal(some.origins, 0);
  assert.equal(some.open, 0);
});

test('a network of IPv6 is counted as one address', () => {
  assert.equal(addressKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.equal(addressKey('2001:0DB8:1:2::9'), '2001:db8:1:2::/64');
  assert.equal(addressKey('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(addressKey('::ffff:192.0.2.7'), '192.0.2.7');
  assert.equal(addressKey('192.0.2.7'), '192.0.2.7');
  assert.equal(new AddressSet([]).has('192.0.2.7'), false);
  assert.equal(new AddressSet(['192.0.2.7']).has('::ffff:192.0.2.7'), true);
});

test('what belongs to no call is counted, what calls explain is not', () => {
  const budget = new ControlBudget(100_000, 0);
  for (let i = 0; i < 100; i++) budget.data(10_000);
  assert.equal(
    budget.exceeded(1_000_000, 0, () => 0),
    false,
  );
  assert.equal(
    budget.exceeded(1_090_000, 0, () => 0),
    false,
  );
  assert.equal(
    budget.exceeded(1_150_000, 0, () => 0),
    true,
  );
  // It lies unread on streams: nothing is wrong with it yet.
  assert.equal(
    budget.exceeded(1_150_000, 0, () => 100_000),
    false,
  );
  assert.equal(
    budget.exceeded(1_150_000, 2000, () => 0),
    false,
  );
});

test('calls of the past are no licence for a flood', () => {
  const budget = new ControlBudget(100_000, 0);
  for (let i = 0; i < 10_000; i++) budget.call();
  assert.equal(
    budget.exceeded(1_000_000, 0, () => 0),
    false,
  );
  assert.equal(
    budget.exceeded(1_150_000, 0, () => 0),
    false,
  );
  assert.equal(
    budget.exceeded(1_250_001, 0, () => 0),
    true,
  );
});

test('a client that resets its calls has a burst and then a rate', () => {
  const budget = new ResetBudget(RESETS, 0);
  let spent = 1;
  while (!budget.spend(500)) spent++;
  assert.equal(spent, 500);
  const slow = new ResetBudget(RESETS, 0);
  for (let second = 1; second < 100; second++) {
    for (let i = 0; i < 33; i++) assert.equal(slow.spend(second * 1000), false);
  }
});

test('versions of grpc-js that reset each call are known by their name', () => {
  for (const old of ['grpc-node-js/1.3.7', 'grpc-node-js/1.10.3', 'x grpc-node-js/0.8.1 y']) {
    assert.equal(resetsEachCall(old), true, old);
  }
  for (const other of ['grpc-node-js/1.10.4', 'grpc-node-js/2.0.0', 'grpc-go/1.3.0', undefined]) {
    assert.equal(resetsEachCall(other), false, other);
  }
});

test('memory is given back once after a burst, when its connections are gone', () => {
  const memory = new MemoryReturn();
  assert.equal(memory.sweep(4999, 0, 0), false);
  assert.equal(memory.sweep(0, 0, 10_000), false);
  assert.equal(memory.sweep(20_000, 0, 20_000), false);
  assert.equal(memory.sweep(100, 0, 21_000), false);
  assert.equal(memory.sweep(100, 0, 25_000), true);
  assert.equal(memory.sweep(100, 0, 50_000), false);
  assert.equal(memory.sweep(0, 40_000_000, 60_000), false);
  assert.equal(memory.sweep(0, 0, 70_000), false);
  assert.equal(memory.sweep(0, 0, 74_000), true);
});
