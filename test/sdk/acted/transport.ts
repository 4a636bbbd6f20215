import grpc from '@grpc/grpc-js';
import {
  type MethodName,
  type MethodsOf,
  methods,
  type RequestInitOf,
  type ResponseOf,
} from '../../../src/wire/index.js';

const TIMEOUT_MS = 15_000;

interface Described<T> {
  readonly path: string;
  readonly encodeRequest: (message: unknown) => Buffer;
  readonly decodeResponse: (bytes: Buffer) => T;
}

function described<M extends MethodName>(name: M): Described<ResponseOf<M>> {
  return methods[name] as unknown as Described<ResponseOf<M>>;
}

/** One connection: sends the messages of an SDK with the metadata of an SDK, and no more. */
export class Transport {
  /** `immudb-uuid` of the last answer, which must be in the initial metadata of each. */
  serverUuid = '';
  private readonly client: grpc.Client;
  private readonly metadata = new grpc.Metadata();

  constructor(port: number) {
    this.client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  }

  setHeader(name: string, value: string): void {
    this.metadata.set(name, value);
  }

  close(): void {
    this.client.close();
  }

  call<M extends MethodsOf<'unary'>>(name: M, request: RequestInitOf<M>): Promise<ResponseOf<M>> {
    const { path, encodeRequest, decodeResponse } = described(name);
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest(
        path,
        encodeRequest,
        decodeResponse,
        request,
        this.metadata,
        { deadline: Date.now() + TIMEOUT_MS },
        (error, answer) => {
          if (error) reject(new Error(error.details));
          else if (answer === undefined) reject(new Error('no answer'));
          else resolve(answer);
        },
      );
      this.expectUuid(call, reject);
    });
  }

  /** The contents of all chunks of the answer. */
  read<M extends MethodsOf<'serverStream'>>(name: M, request: RequestInitOf<M>): Promise<Buffer[]> {
    const { path, encodeRequest, decodeResponse } = described(name);
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const call = this.client.makeServerStreamRequest(
        path,
        encodeRequest,
        decodeResponse,
        request,
        this.metadata,
        { deadline: Date.now() + TIMEOUT_MS },
      );
      this.expectUuid(call, reject);
      call.on('data', ({ content }: { content: Uint8Array }) => chunks.push(Buffer.from(content)));
      call.on('error', (error: grpc.ServiceError) => reject(new Error(error.details)));
      call.on('end', () => resolve(chunks));
    });
  }

  write<M extends MethodsOf<'clientStream'>>(
    name: M,
    contents: readonly Uint8Array[],
  ): Promise<ResponseOf<M>> {
    const { path, encodeRequest, decodeResponse } = described(name);
    return new Promise((resolve, reject) => {
      const call = this.client.makeClientStreamRequest(
        path,
        encodeRequest,
        decodeResponse,
        this.metadata,
        { deadline: Date.now() + TIMEOUT_MS },
        (error, answer) => {
          if (error) reject(new Error(error.details));
          else if (answer === undefined) reject(new Error('no answer'));
          else resolve(answer);
        },
      );
      this.expectUuid(call, reject);
      for (const content of contents) call.write({ content });
      call.end();
    });
  }

  private expectUuid(call: grpc.Call | grpc.ClientUnaryCall, fail: (error: Error) => void): void {
    (call as NodeJS.EventEmitter).once('metadata', (metadata: grpc.Metadata) => {
      const [uuid] = metadata.get('immudb-uuid');
      if (typeof uuid !== 'string' || uuid === '')
        fail(new Error('no immudb-uuid in the metadata'));
      else if (this.serverUuid && this.serverUuid !== uuid) fail(new Error('immudb-uuid changed'));
      else this.serverUuid = uuid;
    });
  }
}
