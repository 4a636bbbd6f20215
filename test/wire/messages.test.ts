import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { type MethodName, methods, pb } from '../../src/wire/index.js';
import { projectRoot, readVector } from '../support/project.js';

// Messages of every type, made from the proto files, are written by the generated code and by
// protobufjs at run time: both must give the same bytes, and reading must lose nothing.

type Fields = Record<string, unknown>;

interface Codec {
  encode(message: Fields): Buffer;
  decode(bytes: Uint8Array): Fields;
}

function codecOf(name: string): Codec {
  const all = pb as unknown as Record<string, unknown>;
  return {
    encode: all[`encode${name}`] as Codec['encode'],
    decode: all[`decode${name}`] as Codec['decode'],
  };
}

function loadSchema(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) =>
    target.startsWith('google/protobuf/') ? target : path.join(projectRoot, 'proto', target);
  root.loadSync(['schema.proto', 'status.proto'], { keepCase: true });
  root.resolveAll();
  return root;
}

function messageTypes(space: protobuf.NamespaceBase): protobuf.Type[] {
  return space.nestedArray.flatMap((nested) =>
    nested instanceof protobuf.Type ? [nested, ...messageTypes(nested)] : [],
  );
}

const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 });
const SCALARS: Record<string, fc.Arbitrary<unknown>> = {
  bytes,
  string: fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }),
  bool: fc.constant(true),
  uint32: fc.integer({ min: 1, max: 0xffff_ffff }),
  int32: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).filter((n) => n !== 0),
  uint64: fc.oneof(fc.maxSafeNat(), fc.integer({ min: 1, max: 300 })).filter((n) => n !== 0),
  int64: fc.maxSafeInteger().filter((n) => n !== 0),
  double: fc.double().filter((n) => !Object.is(n, 0)),
  float: fc.float({ noNaN: true }).filter((n) => !Object.is(n, 0)),
};

function fieldValueOf(field: protobuf.Field): fc.Arbitrary<unknown> {
  if (field.resolvedType instanceof protobuf.Type) return messageOf(field.resolvedType);
  const kind = field.resolvedType instanceof protobuf.Enum ? 'int32' : field.type;
  const scalar = SCALARS[kind];
  assert.ok(scalar, kind);
  return scalar;
}

/** Fields that are present never have their default value, which protobufjs would write. */
function messageOf(type: protobuf.Type): fc.Arbitrary<Fields> {
  const oneof = type.oneofsArray[0];
  if (oneof !== undefined) {
    const members = oneof.fieldsArray.map((field) =>
      fc.record({ [oneof.name]: fc.constant(field.name), [field.name]: fieldValueOf(field) }),
    );
    return fc.oneof(fc.constant({}), ...members);
  }
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of type.fieldsArray) {
    const value = fieldValueOf(field);
    if (field instanceof protobuf.MapField) {
      fields[field.name] = fc.dictionary(fc.string({ maxLength: 5 }), value, { maxKeys: 3 });
    } else {
      fields[field.name] = field.repeated ? fc.array(value, { maxLength: 3 }) : value;
    }
  }
  return fc.record(fields, { requiredKeys: [] });
}

/** Our messages hold maps as `Map`, those of protobufjs as objects. */
function withMaps(type: protobuf.Type, message: Fields): Fields {
  const result: Fields = { ...message };
  for (const field of type.fieldsArray) {
    const value = result[field.name];
    const nested = field.resolvedType;
    if (value === undefined) continue;
    if (field instanceof protobuf.MapField) {
      result[field.name] = new Map(Object.entries(value as Fields));
    } else if (nested instanceof protobuf.Type) {
      result[field.name] = field.repeated
        ? (value as Fields[]).map((item) => withMaps(nested, item))
        : withMaps(nested, value as Fields);
    }
  }
  return result;
}

describe('generated messages', () => {
  const root = loadSchema();
  const types = [
    ...messageTypes(root.lookup('immudb.schema') as protobuf.Namespace),
    ...messageTypes(root.lookup('google.rpc') as protobuf.Namespace),
  ];

  test('of every type are written as protobufjs writes them, and read back without loss', () => {
    assert.ok(types.length > 100);
    for (const type of types) {
      const codec = codecOf(type.name);
      fc.assert(
        fc.property(messageOf(type), (message) => {
          const written = codec.encode(withMaps(type, message));
          assert.deepEqual(written, Buffer.from(type.encode(message).finish()), type.name);
          assert.deepEqual(codec.encode(codec.decode(written)), written, type.name);
        }),
        { numRuns: 20 },
      );
    }
  });

  test('recorded from real clients are read and written back to the same bytes', () => {
    const samples = readVector('wire-samples.json') as { method: MethodName; hex: string }[];
    assert.ok(samples.length >= 30);
    for (const { method, hex } of samples) {
      const { decodeRequest, encodeRequest } = methods[method];
      const message = decodeRequest(Buffer.from(hex, 'hex'));
      const written = (encodeRequest as (message: unknown) => Buffer)(message);
      assert.equal(written.toString('hex'), hex, method);
    }
  });

  test('absent scalars have their default, absent messages are missing', () => {
    assert.deepEqual(pb.decodeEntry(Buffer.alloc(0)), {
      tx: 0,
      key: new Uint8Array(0),
      value: new Uint8Array(0),
      expired: false,
      revision: 0,
    });
    const withEmpty = pb.decodeEntry(pb.encodeEntry({ metadata: {} }));
    assert.deepEqual(withEmpty.metadata, { deleted: false, nonIndexable: false });
    assert.equal(withEmpty.referencedBy, undefined);
  });

  test('default values are not written, except minus zero and the set member of a oneof', () => {
    assert.equal(pb.encodeKeyRequest({ key: new Uint8Array(0), atTx: 0, noWait: false }).length, 0);
    assert.equal(Object.is(pb.decodeScore(pb.encodeScore({ score: -0 })).score, -0), true);
    assert.equal(pb.encodeSQLValue({ value: 'n', n: 0 }).toString('hex'), '1000');
    assert.equal(pb.encodeOp({ operation: 'kv' }).toString('hex'), '0a00');
  });

  test('a oneof says which member is set; the last one on the wire holds', () => {
    const kv = pb.encodeOp({ operation: 'kv', kv: { key: Buffer.from('a') } });
    const zAdd = pb.encodeOp({ operation: 'zAdd', zAdd: { score: 1 } });
    const op = pb.decodeOp(Buffer.concat([kv, zAdd]));
    assert.equal(op.operation, 'zAdd');
    assert.equal('kv' in op, false);
    assert.deepEqual(pb.decodeOp(Buffer.alloc(0)), {});
  });

  test('a scalar that occurs twice keeps the last value, a message that occurs twice is merged', () => {
    const first = pb.encodeEntry({ tx: 1, referencedBy: { tx: 5, atTx: 7 } });
    const second = pb.encodeEntry({ tx: 2, referencedBy: { tx: 6 } });
    const entry = pb.decodeEntry(Buffer.concat([first, second]));
    assert.equal(entry.tx, 2);
    assert.equal(entry.referencedBy?.tx, 6);
    assert.equal(entry.referencedBy?.atTx, 7);
  });

  test('bytes are views on the input, whatever kind of array that is', () => {
    const written = pb.encodeKey({ key: Buffer.from('abc') });
    const plain = new Uint8Array(written);
    const key = pb.decodeKey(plain).key;
    assert.equal(key.buffer, plain.buffer);
    assert.deepEqual(key, new Uint8Array([97, 98, 99]));
    assert.deepEqual(pb.decodeKey(written).key, key);
  });

  test('written messages stay as they are while others are written', () => {
    const messages = Array.from({ length: 3000 }, (_, i) => ({ key: Buffer.alloc(i % 400, i) }));
    const written = messages.map((message) => pb.encodeKey(message));
    for (const [i, message] of messages.entries()) {
      assert.deepEqual(Buffer.from(pb.decodeKey(written[i] as Buffer).key), message.key);
    }
  });

  test('every kind of field may be the one that no longer fits into a memory block', () => {
    const message = {
      set: Buffer.from('set'),
      score: 2.5,
      key: Buffer.from('key'),
      atTx: 2 ** 40,
      boundRef: true,
    };
    const first = pb.encodeZAddRequest(message);
    const settings = { cleanupPercentage: { value: 1.5 }, renewSnapRootAfter: { value: 300 } };
    const second = pb.encodeIndexNullableSettings(settings);
    // The filler shifts the messages, so that the edge of a block meets every field in turn.
    for (let i = 0; i < 20_000; i++) {
      pb.encodeKey({ key: Buffer.alloc(1 + (i % 61)) });
      assert.equal(Buffer.compare(pb.encodeZAddRequest(message), first), 0);
      assert.equal(Buffer.compare(pb.encodeIndexNullableSettings(settings), second), 0);
    }
  });

  test('a message of many megabytes is written and read', () => {
    const value = Buffer.alloc(20_000_000, 7);
    const written = pb.encodeVerifiableSetRequest({
      setRequest: { KVs: [{ key: Buffer.from('k'), value }] },
      proveSinceTx: 3,
    });
    const read = pb.decodeVerifiableSetRequest(written);
    assert.equal(read.proveSinceTx, 3);
    assert.equal(Buffer.compare(read.setRequest?.KVs[0]?.value as Uint8Array, value), 0);
  });
});
