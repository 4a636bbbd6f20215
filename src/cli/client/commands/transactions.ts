import type { SteleClient, Transaction } from '../../../client/index.js';
import { alhOf, PLAIN_KEY_PREFIX, parseSortedSetKey } from '../../../proofs/index.js';
import { UsageError } from '../../kit/errors.js';
import type { JsonObject } from '../../kit/print.js';
import { startProgress } from '../../kit/progress.js';
import type { Call, Command } from '../context.js';
import { txIdFrom } from '../input.js';
import { textOrBytes } from '../printer.js';

function txCommand(name: string, aliases: readonly string[], verified: boolean): Command {
  return {
    name,
    aliases,
    usage: '<id>',
    words: [1, 1],
    summary: verified ? 'Show a transaction, and verify it' : 'Show a transaction',
    async run({ words, connected, print, signal }) {
      const txId = txIdFrom(words[0] as string);
      const client = await connected.client();
      const { header } = verified
        ? await client.verifiedTxById(txId, { signal })
        : await client.txById(txId, { signal });
      print.transaction(header, alhOf(header), verified);
    },
  };
}

export const tx = txCommand('tx', ['gettx'], false);
export const safetx = txCommand('safetx', ['stx', 'inclusion'], true);

/** Key of a raw entry for people: its kind and what the user named. */
function entryObject(rawKey: Uint8Array, hex: boolean): JsonObject {
  if (rawKey[0] === PLAIN_KEY_PREFIX) return textOrBytes('key', rawKey.subarray(1), hex);
  const element = parseSortedSetKey(rawKey);
  if (element === undefined) return textOrBytes('rawKey', rawKey, true);
  const { set, score, key } = element;
  return { ...textOrBytes('set', set, hex), score, ...textOrBytes('key', key, hex) };
}

function showEntries({ print }: Call, { header, entries }: Transaction): void {
  const shown = entries.map(({ rawKey, hValue, metadata }) => ({
    ...entryObject(rawKey, print.hex),
    ...(metadata === undefined ? {} : { metadata }),
    valueHash: Buffer.from(hValue).toString('hex'),
  }));
  if (print.json) {
    const { id, ts, version } = header;
    const hash = Buffer.from(alhOf(header)).toString('hex');
    print.object({ tx: id, time: ts, version, hash, entries: shown });
    return;
  }
  print.transaction(header, alhOf(header), false);
  for (const entry of shown) {
    const fields = Object.entries(entry).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    print.bytes(Buffer.from(`entry:\t\t${fields.join(' ')}\n`));
  }
}

export const getByIndex: Command = {
  name: 'getByIndex',
  aliases: ['getbyindex', 'getRawBySafeIndex'],
  usage: '<id>',
  words: [1, 1],
  summary: 'Show a transaction, verified, with its entries',
  async run(call) {
    const client = await call.connected.client();
    const txId = txIdFrom(call.words[0] as string);
    showEntries(call, await client.verifiedTxById(txId, { signal: call.signal }));
  },
};

export const iterate: Command = {
  name: 'iterate',
  aliases: ['iscan'],
  usage: '[from]',
  words: [0, 1],
  summary: 'List transactions with their entries, from one on',
  details: '--limit COUNT ends after so many, --desc goes downwards.',
  async run(call) {
    const { words, settings, connected, signal } = call;
    const client = await connected.client();
    const desc = settings.has('desc');
    const given = words[0] === undefined ? undefined : txIdFrom(words[0]);
    const from = given ?? (desc ? await newestTxId(client, signal) : 1);
    const limit = settings.number('limit');
    for await (const transaction of client.transactions({ from, desc, limit }, { signal })) {
      showEntries(call, transaction);
      await call.world.out.drained();
    }
  },
};

async function newestTxId(client: SteleClient, signal: AbortSignal): Promise<number> {
  return (await client.call('CurrentState', {}, { signal })).txId;
}

export const checkConsistency: Command = {
  name: 'check-consistency',
  aliases: ['c', 'verify-consistency'],
  usage: '[id hash]',
  words: [0, 2],
  summary: 'Verify the whole history, or that a transaction of that hash is part of it',
  details:
    'Without arguments every transaction from the current state down to the first is read, its entries\n' +
    'hashed, and its hash compared with the one that the next transaction names.',
  async run({ words, connected, print, world, signal }) {
    const [idWord, hashWord] = words;
    if (idWord !== undefined && hashWord === undefined) {
      throw new UsageError('expected the id and the hash of a transaction, or nothing');
    }
    const client = await connected.client();
    if (idWord !== undefined) {
      const { header } = await client.verifiedTxById(txIdFrom(idWord), { signal });
      const found = Buffer.from(alhOf(header)).toString('hex');
      if (found !== hashWord?.toLowerCase()) {
        const { VerificationError } = await import('../../../client/index.js');
        throw new VerificationError({
          check: 'history',
          reason: `transaction ${idWord} has another hash`,
          expected: hashWord as string,
          found,
          server: client.serverUuid,
          database: client.database,
        });
      }
      return print.transaction(header, alhOf(header), true);
    }
    const { txId } = await client.verifiedState({ signal });
    using progress = startProgress(world, `verifying ${txId} transactions`, txId);
    let transactions = 0;
    let entries = 0;
    for await (const { header } of client.verifiedTransactions({}, { signal })) {
      transactions++;
      entries += header.nentries;
      progress.at(transactions);
    }
    const { database } = client;
    print.line(
      `database '${database}': ${transactions} transactions with ${entries} entries verified`,
      { database, transactions, entries, verified: true },
    );
  },
};
