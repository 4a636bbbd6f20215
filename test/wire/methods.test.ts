import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';
import protobuf from 'protobufjs';
import {
  type KindOf,
  METHOD_NAMES,
  type MethodKind,
  type MethodName,
  type MethodsOf,
  methods,
  pb,
  type RequestOf,
  type ResponseOf,
} from '../../src/wire/index.js';
import { projectRoot, readVector } from '../support/project.js';

interface Row {
  readonly name: string;
  readonly request: string;
  readonly response: string;
  readonly kind: MethodKind;
}

const index = readVector('rpc-index.json') as {
  served: Row[];
  unimplemented: Record<string, MethodKind>;
};

function protoKind(method: protobuf.Method): MethodKind {
  if (method.requestStream) return method.responseStream ? 'bidi' : 'clientStream';
  return method.responseStream ? 'serverStream' : 'unary';
}

function baseName(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

describe('the method table', () => {
  test('of the proto is the one of the reference', () => {
    const root = new protobuf.Root();
    root.resolvePath = (_origin, target) =>
      target.startsWith('google/protobuf/') ? target : path.join(projectRoot, 'proto', target);
    root.loadSync('schema.proto', { keepCase: true });
    const inProto = root.lookupService('immudb.schema.ImmuService').methodsArray;
    const served = inProto.filter((method) => index.unimplemented[method.name] === undefined);
    assert.deepEqual(
      served.map((method) => ({
        name: method.name,
        request: baseName(method.requestType),
        response: baseName(method.responseType),
        kind: protoKind(method),
      })),
      index.served,
    );
    const rest = inProto.filter((method) => !served.includes(method));
    assert.deepEqual(
      Object.fromEntries(rest.map((method) => [method.name, protoKind(method)])),
      Object.fromEntries(
        rest.map((method) => [method.name, index.unimplemented[method.name]] as const),
      ),
    );
    assert.equal(rest.length, Object.keys(index.unimplemented).length);
  });

  test('has name, path, kind and message codecs of every method', () => {
    const codecs = pb as unknown as Record<string, unknown>;
    const ofImmudb = METHOD_NAMES.filter((name) => methods[name].path.startsWith('/immudb.'));
    assert.equal(ofImmudb.length, index.served.length + 13);
    for (const row of index.served) {
      const method = methods[row.name as MethodName];
      assert.equal(method.name, row.name);
      assert.equal(method.path, `/immudb.schema.ImmuService/${row.name}`);
      assert.equal(method.kind, row.kind);
      assert.equal(method.encodeRequest, codecs[`encode${row.request}`]);
      assert.equal(method.encodeResponse, codecs[`encode${row.response}`]);
    }
  });

  test('gives the types of requests, responses and kinds', () => {
    const request: RequestOf<'Set'> = methods.Set.decodeRequest(Buffer.alloc(0));
    const response: ResponseOf<'VerifiableGet'> = methods.VerifiableGet.decodeResponse(
      methods.VerifiableGet.encodeResponse({ entry: { tx: 3 } }),
    );
    const kind: KindOf<'streamGet'> = 'serverStream';
    const clientStreams: MethodsOf<'clientStream'>[] = [
      'streamSet',
      'streamVerifiableSet',
      'streamExecAll',
      'replicateTx',
    ];
    // @ts-expect-error a unary method is no stream
    const wrong: MethodsOf<'clientStream'> = 'Set';
    assert.deepEqual(request.KVs, []);
    assert.equal(response.entry?.tx, 3);
    assert.equal(kind, methods.streamGet.kind);
    assert.deepEqual(
      METHOD_NAMES.filter((name) => methods[name].kind === 'clientStream').sort(),
      clientStreams.sort(),
    );
    assert.equal(methods[wrong].kind, 'unary');
  });
});

test('the generated code is what the proto files give', () => {
  execFileSync(process.execPath, [path.join(projectRoot, 'scripts/verify-generated.mjs')]);
});
