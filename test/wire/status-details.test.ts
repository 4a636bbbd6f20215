import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeStatusDetails,
  encodeStatusDetails,
  pb,
  WireDecodeError,
} from '../../src/wire/index.js';

const denied = {
  status: 13,
  message: 'permission denied',
  errorInfo: { code: 'XX000', cause: 'permission denied' },
};

describe('status details', () => {
  test('hold ErrorInfo and RetryInfo, in this order, under the names SDKs know', () => {
    const status = pb.decodeStatus(encodeStatusDetails(denied));
    assert.equal(status.code, 13);
    assert.equal(status.message, 'permission denied');
    assert.deepEqual(
      status.details.map((detail) => detail.type_url),
      [
        'type.googleapis.com/immudb.schema.ErrorInfo',
        'type.googleapis.com/immudb.schema.RetryInfo',
      ],
    );
    assert.equal(status.details[1]?.value.length, 0);
  });

  test('have the bytes that the protocol gives them', () => {
    const bytes = encodeStatusDetails({
      status: 2,
      message: 'a',
      errorInfo: { code: '28000', cause: 'b' },
    });
    const any = (name: string, value: string) => {
      const url = Buffer.from(`type.googleapis.com/immudb.schema.${name}`);
      const body = Buffer.concat([Buffer.from([0x0a, url.length]), url, Buffer.from(value, 'hex')]);
      return Buffer.concat([Buffer.from([0x1a, body.length]), body]);
    };
    const expected = Buffer.concat([
      Buffer.from('0802120161', 'hex'),
      any('ErrorInfo', '120a0a0532383030301201 62'.replace(' ', '')),
      any('RetryInfo', ''),
    ]);
    assert.deepEqual(bytes, expected);
  });

  test('are read back; details of other types are passed over', () => {
    assert.deepEqual(decodeStatusDetails(encodeStatusDetails(denied)), {
      ...denied,
      retryDelayMs: 0,
    });
    const foreign = pb.encodeStatus({
      code: 3,
      message: 'm',
      details: [{ type_url: 'type.googleapis.com/google.rpc.Help', value: Buffer.from([0xff]) }],
    });
    assert.deepEqual(decodeStatusDetails(foreign), { status: 3, message: 'm' });
  });

  test('that are no message, or hold a negative delay, are refused', () => {
    assert.throws(() => decodeStatusDetails(Buffer.from([0xff])), WireDecodeError);
    assert.throws(() => decodeStatusDetails(encodeStatusDetails({ ...denied, retryDelayMs: -1 })), {
      code: 'messageInvalidField',
    });
  });
});
