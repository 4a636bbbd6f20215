import type { Entry, SortedSetEntry } from '../../../client/index.js';
import { UsageError } from '../../kit/errors.js';
import { readAll } from '../../kit/password.js';
import type { Call, Command } from '../context.js';
import { bytesFrom, scoreFrom } from '../input.js';

function zaddCommand(name: string, aliases: readonly string[], verified: boolean): Command {
  return {
    name,
    aliases,
    usage: '<set> <score> <key>',
    words: [3, 3],
    summary: verified
      ? 'Add a key to a sorted set, and verify that it was written'
      : 'Add a key to a sorted set',
    async run({ words, settings, connected, print, signal }) {
      const [setWord, scoreWord, keyWord] = words as [string, string, string];
      const set = bytesFrom(setWord, settings);
      const score = scoreFrom(scoreWord);
      const key = bytesFrom(keyWord, settings);
      const client = await connected.client();
      const header = verified
        ? await client.verifiedZAdd(set, score, key, {}, { signal })
        : await client.zAdd(set, score, key, {}, { signal });
      print.setItem({ header, set, key, score }, verified);
    },
  };
}

export const zadd = zaddCommand('zadd', ['za'], false);
export const safezadd = zaddCommand('safezadd', ['sza'], true);

export const zscan: Command = {
  name: 'zscan',
  aliases: ['zscn'],
  usage: '<set>',
  words: [1, 1],
  summary: 'List the keys of a sorted set by score, and their values',
  async run({ words, settings, connected, print, signal }) {
    const client = await connected.client();
    const set = bytesFrom(words[0] as string, settings);
    const limit = settings.number('limit');
    const desc = settings.has('desc');
    const found = client.zScan(set, { limit, desc }, { signal });
    if (!print.json) {
      await print.entries(entriesOf(found));
      return;
    }
    for await (const item of found) {
      const { entry, score, atTx } = item;
      if (entry !== undefined) print.scored(entry, score, atTx);
    }
  },
};

async function* entriesOf(found: AsyncIterable<SortedSetEntry>): AsyncGenerator<Entry> {
  for await (const { entry } of found) if (entry !== undefined) yield entry;
}

/** The word, or what standard input holds up to its last line end. */
async function referencedKey({ words, settings, world, inShell }: Call): Promise<Buffer> {
  const word = words[1];
  if (word !== undefined) return bytesFrom(word, settings);
  if (inShell || world.input.isTTY === true) throw new UsageError('expected the referenced key');
  const piped = await readAll(world.input);
  return bytesFrom(piped.toString('utf8').replace(/\r?\n$/, ''), settings);
}

function referenceCommand(name: string, aliases: readonly string[], verified: boolean): Command {
  return {
    name,
    aliases,
    usage: '<reference> [key]',
    words: [1, 2],
    summary: verified
      ? 'Let a key refer to another one, and verify that it was written'
      : 'Let a key refer to another one',
    details: 'Without the key it is read from standard input.',
    async run(call) {
      const { words, settings, connected, print, signal } = call;
      const key = bytesFrom(words[0] as string, settings);
      const target = await referencedKey(call);
      const client = await connected.client();
      const { id } = verified
        ? await client.verifiedSetReference(key, target, {}, { signal })
        : await client.setReference(key, target, {}, { signal });
      print.entry({ txId: id, key, value: target }, verified);
    },
  };
}

export const reference = referenceCommand('reference', ['r'], false);
export const safereference = referenceCommand('safereference', ['sr'], true);
