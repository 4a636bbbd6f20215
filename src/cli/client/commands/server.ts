import { goTime } from '../../kit/format.js';
import type { Command } from '../context.js';

export const current: Command = {
  name: 'current',
  aliases: ['crt'],
  usage: '',
  words: [0, 0],
  summary: 'Show the newest transaction of the server, and its hash',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    const { db, txId, txHash } = await client.call('CurrentState', {}, { signal });
    print.state(db || client.database, { txId, txHash });
  },
};

export const status: Command = {
  ...current,
  name: 'status',
  aliases: ['p'],
  summary: 'As current; in the shell whether the server is well',
  async run(call) {
    if (!call.inShell) return current.run(call);
    const client = await call.connected.client();
    await client.reach({ signal: call.signal });
    call.print.line('Health check OK', { healthy: true });
  },
};

export const verify: Command = {
  name: 'verify',
  aliases: ['v'],
  usage: '',
  words: [0, 0],
  summary: 'Verify that the current state of the server continues the trusted one',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    const state = await client.verifiedState({ signal });
    print.state(client.database, state, true);
  },
};

export const health: Command = {
  name: 'health',
  usage: '',
  words: [0, 0],
  summary: 'Show the requests that wait, and when the last one was completed',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    const { pendingRequests, lastRequestCompletedAt } = await client.call(
      'DatabaseHealth',
      {},
      { signal },
    );
    const at = goTime(lastRequestCompletedAt);
    print.line(`pendingRequests:\t\t${pendingRequests}\nlastRequestCompletedAt:\t\t${at}`, {
      pendingRequests,
      lastRequestCompletedAt,
    });
  },
};

export const info: Command = {
  name: 'info',
  usage: '',
  words: [0, 0],
  summary: 'Show the version of the server',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    const found = await client.call('ServerInfo', {}, { signal });
    const { version, startedAt, numTransactions, numDatabases, databasesDiskSize } = found;
    print.line(`version:\t${version}`, {
      version,
      startedAt,
      transactions: numTransactions,
      databases: numDatabases,
      diskBytes: databasesDiskSize,
    });
  },
};

export const forget: Command = {
  name: 'forget',
  usage: '',
  words: [0, 0],
  summary: 'Forget which server answers at the address, because it was replaced on purpose',
  details: 'The next answer is trusted unseen. The trusted states of the server before stay.',
  async run({ connected, print }) {
    const { FileTrustStore } = await import('../../../client/index.js');
    const { address, trustDirectory } = connected;
    const forgotten = await new FileTrustStore(trustDirectory).unpin(address);
    const text = forgotten ? `${address} is forgotten` : `nothing is known of ${address}`;
    print.line(text, { address, forgotten });
  },
};
