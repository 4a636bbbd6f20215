import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Entry, SteleClient } from '../../../client/index.js';
import type { TxHeader } from '../../../proofs/index.js';
import { UsageError } from '../../kit/errors.js';
import type { Call, Command } from '../context.js';
import { bytesFrom, keyAndRevision, valueFrom } from '../input.js';

type Written = { readonly key: Buffer; readonly value: Buffer };

/** Shows what was written, with the number of the version if it is still the newest one. */
async function showWritten(
  { print, signal }: Call,
  client: SteleClient,
  { id }: TxHeader,
  { key, value }: Written,
  verified: boolean,
): Promise<void> {
  const newest = await client.get(key, {}, { signal }).catch(() => undefined);
  const revision = newest?.txId === id ? newest.revision : 0;
  print.entry({ txId: id, key, value, revision }, verified);
}

function setCommand(name: string, aliases: readonly string[], verified: boolean): Command {
  return {
    name,
    aliases,
    usage: '<key> [value]',
    words: [1, 2],
    summary: verified ? 'Set a value, and verify that it was written' : 'Set the value of a key',
    details:
      'The value is an argument, or comes byte for byte from --value-file FILE (- for standard input).',
    completes: 'key',
    async run(call) {
      const { words, settings, connected, print, signal } = call;
      const key = bytesFrom(words[0] as string, settings);
      const value = await valueFrom(call, words[1]);
      const client = await connected.client();
      if (Buffer.isBuffer(value)) {
        const header = verified
          ? await client.verifiedSet(key, value, { signal })
          : await client.set(key, value, { signal });
        return showWritten(call, client, header, { key, value }, verified);
      }
      const header = verified
        ? await client.verifiedStreamSet([{ key, value: await whole(value.pieces) }], { signal })
        : await client.streamSet([{ key, value }], { signal });
      print.line(`tx:       ${header.id}\nlength:   ${value.length}`, {
        tx: header.id,
        length: value.length,
        verified,
      });
    },
  };
}

async function whole(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

export const set = setCommand('set', ['s'], false);
export const safeset = setCommand('safeset', ['ss', 'rawsafeset'], true);

function getCommand(name: string, aliases: readonly string[], verified: boolean): Command {
  return {
    name,
    aliases,
    usage: '<key>[@revision]',
    words: [1, 1],
    summary: verified ? 'Get a value, and verify it' : 'Get the value of a key',
    details:
      'A revision counts from 1; a negative one counts back from the newest. -o FILE writes the value\n' +
      'byte for byte.',
    completes: 'key',
    async run(call) {
      const { words, settings, connected, print, signal } = call;
      const { key, revision } = keyAndRevision(words[0] as string, settings);
      const client = await connected.client();
      const output = settings.text('output');
      if (output !== undefined && !verified && revision === undefined) {
        const { pieces, length } = await client.streamGet(key, {}, { signal });
        await pipeline(pieces, createWriteStream(output));
        return print.line(`${length} bytes written to ${output}`, { file: output, length });
      }
      const which = { atRevision: revision };
      const entry = verified
        ? await client.verifiedGet(key, which, { signal })
        : await client.get(key, which, { signal });
      // A version that is not the newest is answered without its number by some servers.
      const numbered = { ...entry, revision: entry.revision || Math.max(revision ?? 0, 0) };
      if (output === undefined) return print.entry(numbered, verified);
      await pipeline([entry.value], createWriteStream(output));
      const { length } = entry.value;
      print.line(`${length} bytes written to ${output}`, { file: output, length, verified });
    },
  };
}

export const get = getCommand('get', ['g'], false);
export const safeget = getCommand('safeget', ['sg', 'rawsafeget'], true);

export const getall: Command = {
  name: 'getall',
  aliases: ['ga'],
  usage: '<key>...',
  words: [1, Number.POSITIVE_INFINITY],
  summary: 'Get the values of several keys; those that are not there are left out',
  completes: 'key',
  async run({ words, settings, connected, print, signal }) {
    const client = await connected.client();
    const keys = words.map((word) => bytesFrom(word, settings));
    const found = await client.getAll(keys, { signal });
    await print.entries(all(found));
  },
};

async function* all(entries: readonly Entry[]): AsyncGenerator<Entry> {
  yield* entries;
}

export const remove: Command = {
  name: 'delete',
  aliases: ['del'],
  usage: '<key>',
  words: [1, 1],
  summary: 'Delete a key; its history stays',
  completes: 'key',
  async run({ words, settings, connected, print, signal }) {
    const client = await connected.client();
    const { id } = await client.delete([bytesFrom(words[0] as string, settings)], { signal });
    print.line('key successfully deleted', { tx: id });
  },
};

export const restore: Command = {
  name: 'restore',
  usage: '<key>@<revision>',
  words: [1, 1],
  summary: 'Set a key to the value that it had in an earlier version',
  completes: 'key',
  async run(call) {
    const { words, settings, connected, signal } = call;
    const { key, revision } = keyAndRevision(words[0] as string, settings);
    if (revision === undefined) {
      throw new UsageError('please specify the key with revision to restore');
    }
    const client = await connected.client();
    const { value } = await client.get(key, { atRevision: revision }, { signal });
    const header = await client.set(key, value, { signal });
    await showWritten(call, client, header, { key, value: Buffer.from(value) }, false);
  },
};

export const history: Command = {
  name: 'history',
  aliases: ['h'],
  usage: '<key>',
  words: [1, 1],
  summary: 'List every version of a key, oldest first',
  details:
    '--verify proves each version. --complete also reads all transactions of the database to prove that\n' +
    'no version was left out.',
  completes: 'key',
  async run({ words, settings, connected, print, signal }) {
    const client = await connected.client();
    const key = bytesFrom(words[0] as string, settings);
    const complete = settings.has('complete');
    if (complete || settings.has('verify')) {
      await print.entries(client.verifiedHistory(key, { complete }, { signal }), true);
      return;
    }
    const limit = settings.number('limit');
    const desc = settings.has('desc');
    await print.entries(client.history(key, { limit, desc }, { signal }));
  },
};

export const scan: Command = {
  name: 'scan',
  aliases: ['scn'],
  usage: '[prefix]',
  words: [0, 1],
  summary: 'List the keys that begin with the prefix, and their values',
  completes: 'key',
  async run({ words, settings, connected, print, signal }) {
    const client = await connected.client();
    const prefix = bytesFrom(words[0] ?? '', settings);
    const limit = settings.number('limit');
    const desc = settings.has('desc');
    await print.entries(client.scan({ prefix, limit, desc }, { signal }));
  },
};

export const count: Command = {
  name: 'count',
  aliases: ['cnt'],
  usage: '<prefix>',
  words: [1, 1],
  summary: 'Count the keys that begin with the prefix',
  completes: 'key',
  async run({ words, settings, connected, print, signal }) {
    const client = await connected.client();
    const found = await client.count(bytesFrom(words[0] as string, settings), { signal });
    print.line(String(found), { count: found });
  },
};
