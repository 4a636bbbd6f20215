// Requests of a load: one encoded message with places for keys, filled anew for each call, so that the
// client spends next to nothing on encoding.

import { KEY_BYTES, keyOf, writeKey } from './keys.mjs';

/**
 * @typedef {object} Template
 * @property {Buffer} body an encoded request
 * @property {number[]} slots where its keys stand
 * @property {number} seed the family of its keys
 * @property {'next' | 'random'} order new keys, or any of the `count` first ones
 * @property {number} count keys to choose from
 * @property {number} [first] where `next` begins
 * @property {boolean} [since] whether the newest transaction that this client saw is appended to each
 *   request as its field `proveSinceTx` (number 2)
 */

/** A seed that no load uses: finds the places of the keys in an encoded message. */
const MARKER_SEED = 0x5eed;

/**
 * @param {(keys: Buffer[]) => Buffer} encode encodes the request with these keys
 * @param {number} keys how many
 * @param {Omit<Template, 'body' | 'slots'>} rest
 * @returns {Template}
 */
export function templateOf(encode, keys, rest) {
  const markers = Array.from({ length: keys }, (_, number) => keyOf(MARKER_SEED, number));
  const body = Buffer.from(encode(markers));
  return { body, slots: markers.map((marker) => body.indexOf(marker)), ...rest };
}

/** @param {Buffer[]} bodies sent in turn @returns {{ bodies: Buffer[] }} */
export function inTurn(bodies) {
  return { bodies: bodies.map((body) => Buffer.from(body)) };
}

/**
 * @param {Template | { bodies: Buffer[] }} spec
 * @param {{ txId: number }} newest kept by the load
 * @returns {() => Buffer} makes the next request
 */
export function requestMaker(spec, newest) {
  if ('bodies' in spec) {
    let turn = 0;
    return () => spec.bodies[turn++ % spec.bodies.length];
  }
  const { body, slots, seed, order, count, since } = spec;
  let next = spec.first ?? 0;
  if (slots.length === 0) return () => body;
  return () => {
    const request = Buffer.allocUnsafe(body.length + (since ? 11 : 0));
    request.set(body);
    for (const slot of slots) {
      const number = order === 'next' ? next++ : Math.floor(Math.random() * count);
      writeKey(request, slot, seed, number);
    }
    return since ? withSince(request, body.length, newest.txId) : request;
  };
}

/** Appends field 2 as a varint: a message may get its fields in any order. */
function withSince(request, length, txId) {
  if (txId === 0) return request.subarray(0, length);
  let at = length;
  request[at++] = 2 << 3;
  let rest = txId;
  while (rest >= 0x80) {
    request[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  request[at++] = rest;
  return request.subarray(0, at);
}

/** The transaction id in an encoded `VerifiableTx`: field 1 of field 1 of field 1. */
export function txIdOfVerifiableTx(bytes) {
  let at = 0;
  for (let level = 0; level < 2; level++) {
    if (bytes[at++] !== 0x0a) return 0;
    while ((bytes[at++] & 0x80) !== 0);
  }
  if (bytes[at++] !== 0x08) return 0;
  let value = 0;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
}

export { KEY_BYTES };
