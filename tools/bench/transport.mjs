// The client side of a call, as cheap as it can be had: messages are bytes in both directions.

import http2 from 'node:http2';
import grpc from '@grpc/grpc-js';

const MESSAGE_BYTES_MAX = 512 << 20;

/**
 * @typedef {object} Connection
 * @property {(path: string, body: Buffer, done: (error: Error | undefined, answer: Buffer) => void) => void} unary
 * @property {() => void} close
 */

/** @returns {Connection} */
export function connectGrpc(port, headers) {
  const client = grpcClient(port);
  const channel = client.getChannel();
  const metadata = metadataOf(headers);
  return {
    unary(path, body, done) {
      const call = channel.createCall(path, Number.POSITIVE_INFINITY, null, null, 0);
      let answer;
      call.start(metadata, {
        onReceiveMetadata() {},
        onReceiveMessage(message) {
          answer = message;
        },
        onReceiveStatus({ code, details }) {
          done(code === 0 ? undefined : new Error(`status ${code}: ${details}`), answer);
        },
      });
      call.sendMessageWithContext({}, body);
      call.startRead();
      call.halfClose();
    },
    close: () => client.close(),
  };
}

/** The same calls without grpc-js, at about half of its cost. @returns {Promise<Connection>} */
export async function connectHttp2(port, headers) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject));
  const common = {
    ':method': 'POST',
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    ...headers,
  };
  return {
    unary(path, body, done) {
      const stream = session.request({ ...common, ':path': path });
      const parts = [];
      let status;
      const noteStatus = (fields) => {
        status = fields['grpc-status'] ?? status;
      };
      stream.on('response', noteStatus);
      stream.on('trailers', noteStatus);
      stream.on('data', (part) => parts.push(part));
      stream.on('end', () => {
        const frame = parts.length === 1 ? parts[0] : Buffer.concat(parts);
        const isOk = Number(status) === 0;
        done(isOk ? undefined : new Error(`status ${status}`), frame.subarray(5));
      });
      stream.on('error', (error) => done(error, Buffer.alloc(0)));
      const frame = Buffer.allocUnsafe(5 + body.length);
      frame[0] = 0;
      frame.writeUInt32BE(body.length, 1);
      frame.set(body, 5);
      stream.end(frame);
    },
    close: () => session.close(),
  };
}

export function grpcClient(port) {
  return new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc.enable_channelz': 0,
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 50,
  });
}

export function metadataOf(headers) {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** One call, for all that is not measured. @returns {Promise<Buffer>} */
export function call(connection, path, body) {
  return new Promise((resolve, reject) => {
    connection.unary(path, body, (error, answer) => {
      if (error === undefined) resolve(answer);
      else reject(new Error(`${path}: ${error.message}`));
    });
  });
}
