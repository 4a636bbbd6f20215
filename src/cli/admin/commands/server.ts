import type { SteleClient } from '../../../client/index.js';
import { UsageError } from '../../kit/errors.js';
import { binarySize, goDuration, rfc822 } from '../../kit/format.js';
import { AdminError } from '../errors.js';
import type { Command } from '../print.js';

const OK = 'OK - server is reachable and responding to queries';

/** Servers before 1.3.2 have no such method. */
async function infoOf(client: SteleClient, signal: AbortSignal) {
  const { CallError, STATUS } = await import('../../../client/index.js');
  try {
    return await client.call('ServerInfo', {}, { signal });
  } catch (error) {
    if (error instanceof CallError && error.status === STATUS.UNIMPLEMENTED) return undefined;
    throw error;
  }
}

export const status: Command = {
  name: 'status',
  aliases: ['p'],
  usage: '',
  words: [0, 0],
  summary: 'Show whether the server answers, its version, and how much it holds',
  details: 'Needs no login.',
  async run({ connected, print, signal }) {
    const client = await connected.bare();
    try {
      const info = print.old ? undefined : await infoOf(client, signal);
      if (info === undefined) return print.line(OK, { ok: true });
      const { version, startedAt, numDatabases, databasesDiskSize, numTransactions } = info;
      const upSeconds = Math.max(0, Math.floor(Date.now() / 1000) - startedAt);
      print.line(
        [
          `Status:\t\t${OK}`,
          `Version:\t${version}`,
          `Up time:\t${rfc822(startedAt * 1000)} (up ${goDuration(upSeconds * 1000)})`,
          `Databases:\t${numDatabases} (${binarySize(databasesDiskSize)})`,
          `Transactions:\t${numTransactions}`,
        ].join('\n'),
        {
          ok: true,
          version,
          startedAt: new Date(startedAt * 1000).toISOString(),
          upSeconds,
          databases: numDatabases,
          diskBytes: databasesDiskSize,
          transactions: numTransactions,
        },
      );
    } finally {
      await client.close();
    }
  },
};

const AUTH_KINDS: Readonly<Record<string, number>> = { none: 0, password: 1 };
const GO_BOOLEAN = /^(?:(1|t|true)|0|f|false)$/i;

async function change(client: SteleClient, item: string, value: string): Promise<string> {
  if (item === 'auth') {
    await client.call('UpdateAuthConfig', { kind: AUTH_KINDS[value] ?? 1 });
    return 'Server auth config updated';
  }
  await client.call('UpdateMTLSConfig', { enabled: GO_BOOLEAN.exec(value)?.[1] !== undefined });
  return 'Server MTLS config updated';
}

function checkChange(item: string, value: string): void {
  if (item === 'auth' && !Object.hasOwn(AUTH_KINDS, value)) {
    throw new UsageError(`auth can be set to none or password, not to ${value}`);
  }
  if (item === 'mtls' && !GO_BOOLEAN.test(value)) {
    throw new UsageError(`mtls can be set to true or false, not to ${value}`);
  }
  if (item !== 'auth' && item !== 'mtls') {
    throw new UsageError(`auth and mtls can be set, not ${item}`);
  }
}

export const set: Command = {
  name: 'set',
  aliases: ['serverconfig'],
  usage: 'auth|mtls <value>',
  words: [2, 2],
  summary: 'Change how a server of 0.9 is protected: auth none|password, mtls true|false',
  details:
    'A server of Stele takes both at its start and refuses to change them: nobody who has a login can\n' +
    'switch its protection off. Set auth or mtls in its configuration file and restart it.',
  async run({ words, connected, print }) {
    const [item = '', value = ''] = words;
    checkChange(item, value);
    const client = await connected.client();
    const { CallError } = await import('../../../client/index.js');
    try {
      print.line(await change(client, item, value), { [item]: value });
    } catch (error) {
      if (!(error instanceof CallError) || !/operation not supported/.test(error.details))
        throw error;
      throw new AdminError(
        'notSupported',
        `operation not supported by this server: set ${item} in its configuration file, or start it with ` +
          `--${item}, and restart it`,
      );
    }
  },
};
