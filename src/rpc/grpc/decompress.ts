import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { RpcError } from '../rpc-error.js';

const DECODERS = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/** The most that a byte of these formats can become. */
const RATIO_MAX = 1032;

/** Bytes that the message may become at most. */
export function decompressedBytesMax(compressed: number, receiveBytesMax: number): number {
  return Math.min(receiveBytesMax, compressed * RATIO_MAX);
}

/**
 * @param encoding the header `grpc-encoding`
 * @throws RpcError messageEncoding, messageTooLong, messageDamaged
 */
export async function decompress(
  bytes: Buffer,
  encoding: string,
  bytesMax: number,
): Promise<Buffer> {
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    throw new RpcError('messageEncoding', `messages in the encoding ${encoding} are not read`);
  }
  try {
    return await DECODERS[encoding](bytes, { maxOutputLength: Math.max(1, bytesMax) });
  } catch (cause) {
    if (cause instanceof RangeError) {
      const text = `received message larger than max when decompressed (${bytesMax}, --max-recv-msg-size)`;
      throw new RpcError('messageTooLong', text);
    }
    throw new RpcError('messageDamaged', undefined, { cause });
  }
}
