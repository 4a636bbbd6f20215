import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  METHOD_NAMES,
  type MethodName,
  type MethodsOf,
  methods,
  type ResponseOf,
} from '../../src/wire/index.js';
import { GrpcClient } from './grpc-client.js';

export interface Refusal {
  readonly code: number;
  readonly details: string;
}

type Forgers = {
  [M in MethodsOf<'unary'>]?: (answer: ResponseOf<M>) => ResponseOf<M> | Refusal;
};
type Rewriters = { [M in MethodsOf<'unary'>]?: (request: Buffer) => Buffer };

/** Stands between a client and a server and changes what goes through. Calls with one message each way. */
export class TamperingProxy implements AsyncDisposable {
  readonly port: number;
  /** Where calls go; may be set to another server at any time. */
  target: number;
  uuid: string;
  /** Changes answers. */
  forge: Forgers = {};
  /** Changes requests, so that something else is answered than was asked for. */
  rewrite: Rewriters = {};
  readonly #server: Server;

  private constructor(server: Server, port: number, target: number, uuid: string) {
    this.#server = server;
    this.port = port;
    this.target = target;
    this.uuid = uuid;
  }

  static async start(target: number, uuid: string): Promise<TamperingProxy> {
    const server = new Server();
    const same = (bytes: Buffer) => bytes;
    const definitions: Record<string, object> = {};
    const handlers: UntypedServiceImplementation = {};
    let proxy: TamperingProxy | undefined;
    for (const name of METHOD_NAMES) {
      const { path, kind } = methods[name];
      if (kind !== 'unary') continue;
      definitions[name] = {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      };
      handlers[name] = (
        call: ServerUnaryCall<Buffer, Buffer>,
        answer: sendUnaryData<Buffer>,
      ): void => {
        void proxy?.pass(name, call, answer);
      };
    }
    server.addService(definitions as never, handlers);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    proxy = new TamperingProxy(server, port, target, uuid);
    return proxy;
  }

  private async pass(
    name: MethodName,
    call: ServerUnaryCall<Buffer, Buffer>,
    answer: sendUnaryData<Buffer>,
  ): Promise<void> {
    const headers = new Metadata();
    headers.set('immudb-uuid', this.uuid);
    call.sendMetadata(headers);
    const given = Object.entries(call.metadata.getMap()).filter(([key]) =>
      /^(authorization|sessionid)$/.test(key),
    );
    const rewrite = this.rewrite[name as MethodsOf<'unary'>] ?? ((bytes: Buffer) => bytes);
    using client = new GrpcClient(this.target);
    const { path, kind } = methods[name];
    const { messages, code, details } = await client.raw(path, kind, [rewrite(call.request)], {
      headers: Object.fromEntries(given) as Record<string, string>,
    });
    const [message] = messages;
    if (code !== 0 || message === undefined) {
      answer({ code, details });
      return;
    }
    const forged = this.#forged(name, message);
    if (Buffer.isBuffer(forged)) answer(null, forged);
    else answer(forged);
  }

  #forged(name: MethodName, message: Buffer): Buffer | Refusal {
    const forge = this.forge[name as MethodsOf<'unary'>] as
      | ((answer: unknown) => object)
      | undefined;
    if (forge === undefined) return message;
    const { decodeResponse } = methods[name];
    const forged = forge(decodeResponse(message));
    if ('details' in forged && 'code' in forged) return forged as Refusal;
    const encode = methods[name].encodeResponse as (value: object) => Buffer;
    return encode(forged);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}
