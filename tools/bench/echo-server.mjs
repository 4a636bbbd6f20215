// Bare grpc-js: takes the same messages and gives back recorded answers. What it can do, no server on
// grpc-js can do better.

import grpc from '@grpc/grpc-js';
import { METHOD_NAMES, methods } from '../../dist/src/wire/index.js';

const same = (bytes) => bytes;
/** Path to answer: bytes, or a chunk and how often it is sent. */
const answers = new Map();

const server = new grpc.Server({
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.enable_channelz': 0,
});

const HANDLERS = {
  unary: (path) => (_call, done) => done(null, answers.get(path) ?? Buffer.alloc(0)),
  clientStream: (path) => (call, done) => {
    call.on('data', () => {});
    call.on('end', () => done(null, answers.get(path) ?? Buffer.alloc(0)));
  },
  serverStream: (path) => (call) => {
    const { message, count } = answers.get(path);
    let sent = 0;
    const pump = () => {
      while (sent < count) {
        sent++;
        if (!call.write(message)) return call.once('drain', pump);
      }
      call.end();
    };
    pump();
  },
};

for (const name of METHOD_NAMES) {
  const { path, kind } = methods[name];
  const handler = HANDLERS[kind]?.(path);
  if (handler === undefined) continue;
  const definition = {
    path,
    requestStream: kind === 'clientStream',
    responseStream: kind === 'serverStream',
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ [name]: definition }, { [name]: handler });
}

process.on('message', ({ path, answer, message, count }) => {
  if (answer !== undefined) answers.set(path, Buffer.from(answer));
  else answers.set(path, { message: Buffer.from(message), count });
  process.send({ set: path });
});

const credentials = grpc.ServerCredentials.createInsecure();
server.bindAsync(`127.0.0.1:${process.argv[2] ?? 0}`, credentials, (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
