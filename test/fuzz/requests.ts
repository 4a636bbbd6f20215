import { readFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs';
import { METHOD_NAMES, type MethodName, methods } from '../../src/wire/index.js';
import type { Random } from '../sdk/support/random.js';
import { projectRoot, readVector } from '../support/project.js';
import { mutated, mutatedFrames, randomBytes } from './mutations.js';

/** One call to make: its messages as bytes. */
export interface MutatedCall {
  readonly method: MethodName;
  readonly messages: readonly Buffer[];
}

const DEPTH_MAX = 3;
const SAMPLE_PERCENT = 40;
/** Bytes; above what the server takes. */
const TOO_LARGE = 33_600_000;
const TOO_LARGE_ONE_IN = 1500;

const KEYS = ['canary', 'k0', 'k1', 'k2', 'hot', '', '\0', 'ä€', 'x'.repeat(1100)];
const NAMES = [
  'defaultdb',
  'systemdb',
  'fuzz',
  'immudb',
  '',
  '../x',
  'A B',
  'db\0',
  'n'.repeat(300),
];
const NUMBERS = [
  0,
  1,
  2,
  3,
  -1,
  10,
  1000,
  2500,
  2501,
  65_536,
  2 ** 31 - 1,
  2 ** 32,
  2 ** 53,
  2 ** 63,
];
const CREDENTIALS = ['immudb', 'fuzzer', 'Fuzzer!123', ''];

/** Makes requests of every method: recorded ones and ones that the schema allows, then spoils them. */
export class RequestMaker {
  readonly #samples = new Map<string, Buffer[]>();
  readonly #inputs = new Map<string, protobuf.Type>();

  constructor() {
    for (const { method, hex } of readVector('wire-samples.json') as {
      method: string;
      hex: string;
    }[]) {
      const samples = this.#samples.get(method) ?? [];
      samples.push(Buffer.from(hex, 'hex'));
      this.#samples.set(method, samples);
    }
    const root = new protobuf.Root();
    for (const file of ['schema.proto', 'admin.proto']) {
      const text = readFileSync(path.join(projectRoot, 'proto', file), 'utf8');
      protobuf.parse(text, root, { keepCase: true });
    }
    for (const name of ['empty', 'struct']) {
      const common = protobuf.common.get(`google/protobuf/${name}.proto`);
      if (common) root.addJSON(common.nested ?? {});
    }
    for (const name of METHOD_NAMES) {
      const service = root.lookupService(methods[name].path.split('/')[1] as string);
      const method = service.methods[name];
      if (method === undefined) throw new Error(`${name} is not in the schema`);
      this.#inputs.set(name, service.lookupType(method.requestType));
    }
  }

  next(random: Random): MutatedCall {
    const method = random.pick(METHOD_NAMES);
    const { kind } = methods[method];
    if (random.below(TOO_LARGE_ONE_IN) === 0) {
      return { method, messages: [Buffer.alloc(TOO_LARGE, random.below(256))] };
    }
    if (kind === 'unary' || kind === 'serverStream') {
      return { method, messages: [mutated(this.#valid(method, random), random)] };
    }
    const isChunks = this.#inputs.get(method)?.name === 'Chunk';
    if (!isChunks || random.chance(20)) {
      const count = random.below(5);
      const messages = Array.from({ length: count }, () =>
        mutated(this.#valid(method, random), random),
      );
      return { method, messages };
    }
    const payloads = Array.from({ length: random.below(7) }, () => this.#payload(random));
    const chunks = mutatedFrames(payloads, random);
    return { method, messages: chunks.map((content) => encodeChunk(content)) };
  }

  #payload(random: Random): Buffer {
    if (random.chance(30)) return Buffer.from([random.below(6)]);
    if (random.chance(20)) return this.#valid('ZAdd', random);
    if (random.chance(5)) return randomBytes(random, random.below(200_000));
    return random.chance(50)
      ? Buffer.from(random.pick(KEYS))
      : randomBytes(random, random.below(50));
  }

  #valid(method: MethodName, random: Random): Buffer {
    const samples = this.#samples.get(method);
    if (samples !== undefined && random.chance(SAMPLE_PERCENT)) return random.pick(samples);
    const type = this.#inputs.get(method) as protobuf.Type;
    return Buffer.from(type.encode(type.create(fieldsOf(type, random, 0))).finish());
  }
}

function encodeChunk(content: Buffer): Buffer {
  return methods.streamSet.encodeRequest({ content });
}

function fieldsOf(type: protobuf.Type, random: Random, depth: number): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const chosen = new Set(type.oneofsArray.map((oneof) => random.pick(oneof.oneof)));
  for (const field of type.fieldsArray) {
    field.resolve();
    if (field.partOf ? !chosen.has(field.name) : random.chance(35)) continue;
    if (field.map) continue;
    const once = () => fieldValue(field, random, depth);
    if (!field.repeated) value[field.name] = once();
    else value[field.name] = Array.from({ length: repeats(random, depth) }, once);
  }
  return value;
}

function repeats(random: Random, depth: number): number {
  if (depth === 0 && random.chance(2)) return 1100;
  return random.below(5);
}

function fieldValue(field: protobuf.Field, random: Random, depth: number): unknown {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) {
    return depth < DEPTH_MAX ? fieldsOf(resolvedType, random, depth + 1) : {};
  }
  if (resolvedType instanceof protobuf.Enum) return random.below(8);
  switch (field.type) {
    case 'bool':
      return random.chance(50);
    case 'string':
      return random.pick(NAMES);
    case 'bytes':
      return bytesOf(field.name, random);
    case 'double':
    case 'float':
      return random.pick([0, -0, 1.5, -3, Infinity, -Infinity, Number.NaN, 1e308, 5e-324]);
    default:
      return random.pick(NUMBERS);
  }
}

function bytesOf(name: string, random: Random): Buffer {
  if (/user|password/i.test(name)) return Buffer.from(random.pick(CREDENTIALS));
  if (random.chance(70)) return Buffer.from(random.pick(KEYS));
  return randomBytes(random, random.below(64));
}
