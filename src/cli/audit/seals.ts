import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExitCode } from '../../app/exit-codes.js';
import type { SealSource, StoredSeal } from '../../audit/index.js';
import type { State } from '../../proofs/index.js';
import { type CommandContext, UsageError } from '../command.js';
import { offline } from '../offline.js';
import type { AuditRequest, ValueName } from './request.js';

/** Options that say where the seals are. */
export const SEAL_OPTIONS: readonly ValueName[] = [
  '--seals',
  '--seal-db',
  '--server',
  '--username',
  '--password-file',
  '--server-key',
  '--state',
];

export const SEAL_USAGE =
  '[--seals FILE | --server HOST:PORT --username NAME --password-file FILE [--server-key PEM]] ' +
  '[--seal-db NAME] [--state TXID:ALH]';

const SYSTEM = 'systemdb';

/** `TXID:ALH`, as an auditor or client notes it. @throws UsageError */
export function trustedState(request: AuditRequest): State | undefined {
  const text = request.value('--state');
  if (text === undefined) return undefined;
  const found = /^([1-9]\d{0,14}):([0-9a-fA-F]{64})$/.exec(text);
  if (!found) throw new UsageError('--state needs TXID:ALH, such as 12: and 64 hexadecimal digits');
  return { txId: Number(found[1]), txHash: Buffer.from(found[2] as string, 'hex') };
}

/**
 * Does some work with the seals: those of an exported file, of a running server, or of a data directory
 * that no server uses.
 */
export async function withSeals(
  request: AuditRequest,
  context: CommandContext,
  work: (source: SealSource) => Promise<ExitCode>,
): Promise<ExitCode> {
  const file = request.value('--seals');
  if (file !== undefined) return work(await exportedSeals(path.resolve(context.cwd, file)));
  if (request.value('--server') !== undefined) return fromServer(request, context, work);
  const { config } = request;
  if (!existsSync(path.join(config.dir, SYSTEM))) {
    throw new UsageError(
      `${config.dir} holds no databases with seals: give --dir, --seals, --server or --chain-only`,
    );
  }
  const { databaseSeals } = await import('../../audit/index.js');
  const name = request.value('--seal-db') ?? SYSTEM;
  return offline({ config, database: undefined, json: false }, context, async (manager) => {
    const database = name === SYSTEM ? manager.system : await manager.stored(name);
    return work(databaseSeals(database, name, trustedState(request)));
  });
}

/** Lines of `{ "key": …, "value": … }`, as `stele audit files --export-seals` prints them. */
async function exportedSeals(file: string): Promise<SealSource> {
  const { storedSeal, SEAL_PREFIX, parseCheckpoint, AuditFileError } = await import(
    '../../audit/index.js'
  );
  const records = (await readFile(file, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line, at) => {
      try {
        const { key, value } = JSON.parse(line) as { key: unknown; value: unknown };
        if (typeof key === 'string' && typeof value === 'string') return { key, value };
      } catch {
        // Said below, as for JSON of another shape.
      }
      throw new AuditFileError('sealsNotVerified', `${file}, line ${at + 1}: no exported seal`);
    });
  const seals: StoredSeal[] = records
    .filter(({ key }) => key.startsWith(SEAL_PREFIX))
    .map(({ key, value }) => storedSeal(key, Buffer.from(value)));
  const checkpoints = records.filter(({ key }) => !key.startsWith(SEAL_PREFIX));
  const last = checkpoints.at(-1);
  return {
    seals: async () => seals,
    checkpoint: async () => last && parseCheckpoint(Buffer.from(last.value)),
  };
}

async function fromServer(
  request: AuditRequest,
  context: CommandContext,
  work: (source: SealSource) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { SteleClient } = await import('../../client/index.js');
  const { host, port } = addressOf(request.value('--server') as string);
  const passwordFile = request.value('--password-file');
  const username = request.value('--username');
  if (username === undefined || passwordFile === undefined) {
    throw new UsageError('--server needs --username and --password-file');
  }
  const password = (await readFile(path.resolve(context.cwd, passwordFile), 'utf8')).trimEnd();
  const keyFile = request.value('--server-key');
  const client = await SteleClient.connect({
    host,
    port,
    ...(keyFile && { serverKey: await readFile(path.resolve(context.cwd, keyFile), 'utf8') }),
  });
  try {
    const name = request.value('--seal-db') ?? SYSTEM;
    await client.openSession(username, password, name);
    return await work(serverSeals(client, request));
  } finally {
    await client.close();
  }
}

type Client = Awaited<ReturnType<typeof import('../../client/index.js').SteleClient.connect>>;

/** The client verifies every answer against the state that it saw first. */
function serverSeals(client: Client, request: AuditRequest): SealSource {
  const state = trustedState(request);
  return {
    async seals() {
      const { storedSeal, SEAL_PREFIX, AuditFileError } = await import('../../audit/index.js');
      if (state) {
        const { header } = await client.verifiedTxById(state.txId);
        const { alhOf } = await import('../../proofs/index.js');
        if (!Buffer.from(alhOf(header)).equals(state.txHash)) {
          throw new AuditFileError(
            'sealsNotVerified',
            'the server does not hold the trusted state',
          );
        }
      }
      const seals: StoredSeal[] = [];
      for await (const { key } of client.scan({ prefix: SEAL_PREFIX })) {
        const { value } = await client.verifiedGet(key);
        seals.push(storedSeal(Buffer.from(key).toString(), Buffer.from(value)));
      }
      return seals;
    },
    async checkpoint() {
      const { CHECKPOINT_PREFIX, parseCheckpoint } = await import('../../audit/index.js');
      const scan = client.scan({ prefix: CHECKPOINT_PREFIX, desc: true, limit: 1 });
      for await (const { key } of scan) {
        return parseCheckpoint((await client.verifiedGet(key)).value);
      }
      return undefined;
    },
  };
}

function addressOf(text: string): { host: string; port: number } {
  const found = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text);
  if (!found) throw new UsageError(`--server needs HOST:PORT, got ${text}`);
  return { host: found[1] as string, port: Number(found[2]) };
}
