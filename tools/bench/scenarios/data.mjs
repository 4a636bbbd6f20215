import { methods, pb } from '../../../dist/src/wire/index.js';
import { templateOf } from '../requests.mjs';

export const VALUE_BYTES = 128;
export const VALUE = Buffer.alloc(VALUE_BYTES, 'stele ');

/** Sets of `count` new keys each. */
export function setRequests(seed, count = 1) {
  const encode = (keys) => pb.encodeSetRequest({ KVs: keys.map((key) => ({ key, value: VALUE })) });
  return templateOf(encode, count, { seed, order: 'next', count: 0 });
}

/** Writes keys 0 to `count` - 1 of the family `seed`. */
export async function fill(context, stele, headers, seed, count, perTx) {
  await context.client.run('runLoad', {
    port: stele.port,
    headers,
    path: methods.Set.path,
    requests: setRequests(seed, perTx),
    connections: 4,
    inFlight: perTx === 1 ? 256 : 4,
    calls: Math.ceil(count / perTx),
    client: context.clientKind,
  });
}
