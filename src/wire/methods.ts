import { METHOD_TABLE } from './gen/service.js';

export type MethodKind = 'unary' | 'serverStream' | 'clientStream' | 'bidi';

/** How a method is named and its messages are written; decoding throws `WireDecodeError` only. */
export interface MethodDescription {
  /** In the case of the wire. */
  readonly name: string;
  /** `/immudb.schema.ImmuService/<name>`, or that of another service. */
  readonly path: string;
  readonly kind: MethodKind;
  readonly encodeRequest: (message: never) => Buffer;
  readonly decodeRequest: (bytes: Uint8Array) => unknown;
  readonly encodeResponse: (message: never) => Buffer;
  readonly decodeResponse: (bytes: Uint8Array) => unknown;
}

export type MethodName = keyof typeof METHOD_TABLE;

/** Every method of `ImmuService`, also those that are answered with UNIMPLEMENTED, and of `AdminService`. */
export const methods = METHOD_TABLE satisfies Record<MethodName, MethodDescription>;

export const METHOD_NAMES = Object.keys(methods) as readonly MethodName[];

export type KindOf<M extends MethodName> = (typeof methods)[M]['kind'];

/** A request as it is decoded; of a client stream, one of its messages. */
export type RequestOf<M extends MethodName> = ReturnType<(typeof methods)[M]['decodeRequest']>;

/** A response as it is decoded; of a server stream, one of its messages. */
export type ResponseOf<M extends MethodName> = ReturnType<(typeof methods)[M]['decodeResponse']>;

/** What the encoder of a request takes: every field may be left out. */
export type RequestInitOf<M extends MethodName> = Parameters<
  (typeof methods)[M]['encodeRequest']
>[0];

/** What the encoder of a response takes: every field may be left out. */
export type ResponseInitOf<M extends MethodName> = Parameters<
  (typeof methods)[M]['encodeResponse']
>[0];

/** The methods of one kind. */
export type MethodsOf<K extends MethodKind> = {
  [M in MethodName]: KindOf<M> extends K ? M : never;
}[MethodName];
