import { type EventData, type JsonValue, jsonNumber } from '../audit/index.js';
import type { MethodName, pb, RequestOf, ResponseInitOf } from '../wire/index.js';

/** What only calls of one method say in their events. Never a value, a password, a token. */
type DataOf<M extends MethodName> = (
  request: RequestOf<M>,
  response: ResponseInitOf<M> | undefined,
) => EventData;

/** Longer names cannot exist. */
const NAME_BYTES_MAX = 128;

const PRINTABLE = /^[\x20-\x7e]*$/;

/** A name that somebody typed: bounded, and without control characters. */
export function nameText(name: string | Uint8Array): string {
  const text = typeof name === 'string' ? name : Buffer.from(name).toString();
  if (text.length <= NAME_BYTES_MAX && PRINTABLE.test(text)) return text;
  const escaped = text
    .slice(0, NAME_BYTES_MAX)
    .replaceAll(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  const bytes = Buffer.from(escaped);
  return bytes.length <= NAME_BYTES_MAX
    ? escaped
    : bytes.subarray(0, NAME_BYTES_MAX).toString().replace(/�$/, '');
}

function valueBytes(kvs: readonly { readonly value: Uint8Array }[]): number {
  let bytes = 0;
  for (const { value } of kvs) bytes += value.length;
  return bytes;
}

function setData({ KVs, noWait, preconditions }: pb.SetRequest): EventData {
  return {
    no_wait: noWait,
    preconditions: preconditions.length,
    value_bytes: valueBytes(KVs),
    verified: false,
  };
}

function operations(request: pb.ExecAllRequest): EventData {
  const counts = { ref: 0, set: 0, zadd: 0 };
  for (const { operation } of request.Operations) {
    if (operation === 'kv') counts.set++;
    else if (operation === 'ref') counts.ref++;
    else if (operation === 'zAdd') counts.zadd++;
  }
  return { no_wait: request.noWait, ops: counts, preconditions: request.preconditions.length };
}

const found = (response: unknown) => ({ found: response !== undefined });

const CREATED = (
  name: string,
  response: { readonly alreadyExisted?: boolean | undefined } | undefined,
) => ({
  existed: response?.alreadyExisted ?? false,
  target_db: nameText(name),
});

const TARGET = ({ database }: { readonly database: string }) => ({ target_db: nameText(database) });

const DATA: { readonly [M in MethodName]?: DataOf<M> } = {
  Login: (r) => ({ user: nameText(r.user) }),
  OpenSession: (r) => ({ db: nameText(r.databaseName), user: nameText(r.username) }),
  UseDatabase: (r) => ({ target_db: nameText(r.databaseName) }),
  ListUsers: (_r, response) => ({ returned: response?.users?.length ?? 0 }),
  CreateUser: (r) => ({
    permission: r.permission,
    target_db: nameText(r.database),
    user: nameText(r.user),
  }),
  ChangePassword: (r) => ({ user: nameText(r.user) }),
  ChangePermission: (r) => ({
    permission: r.permission,
    target_db: nameText(r.database),
    user: nameText(r.username),
  }),
  SetActiveUser: (r) => ({ user: nameText(r.username) }),

  Set: setData,
  VerifiableSet: (r) => ({
    ...(r.setRequest === undefined ? {} : setData(r.setRequest)),
    prove_since_tx: jsonNumber(r.proveSinceTx),
    verified: true,
  }),
  Delete: (r) => ({ no_wait: r.noWait }),
  ExecAll: operations,
  SetReference: (r) => ({
    at_tx: jsonNumber(r.atTx),
    bound: r.boundRef,
    preconditions: r.preconditions.length,
  }),
  VerifiableSetReference: (r) => ({ prove_since_tx: jsonNumber(r.proveSinceTx), verified: true }),
  ZAdd: (r) => ({ at_tx: jsonNumber(r.atTx), bound: r.boundRef, score: jsonNumber(r.score) }),
  VerifiableZAdd: (r) => ({ prove_since_tx: jsonNumber(r.proveSinceTx), verified: true }),

  Get: (r, response) => ({ at_tx: jsonNumber(r.atTx), ...found(response), verified: false }),
  VerifiableGet: (r, response) => ({
    ...found(response),
    prove_since_tx: jsonNumber(r.proveSinceTx),
    verified: true,
  }),
  GetAll: (r, response) => ({
    key_count: r.keys.length,
    returned: response?.entries?.length ?? 0,
  }),
  Scan: (r, response) => ({
    desc: r.desc,
    limit: jsonNumber(r.limit),
    returned: response?.entries?.length ?? 0,
  }),
  History: (r, response) => ({
    desc: r.desc,
    limit: r.limit,
    returned: response?.entries?.length ?? 0,
  }),
  ZScan: (r, response) => ({
    desc: r.desc,
    limit: jsonNumber(r.limit),
    returned: response?.entries?.length ?? 0,
  }),
  TxById: (r) => ({ tx_id: jsonNumber(r.tx) }),
  VerifiableTxById: (r) => ({
    prove_since_tx: jsonNumber(r.proveSinceTx),
    tx_id: jsonNumber(r.tx),
    verified: true,
  }),
  TxScan: (r) => ({ desc: r.desc, initial_tx: jsonNumber(r.initialTx), limit: r.limit }),
  CurrentState: (_r, response) => ({
    signed: response?.signature !== undefined,
    tx_id: jsonNumber(Number(response?.txId ?? 0)),
  }),
  exportTx: (r) => ({ from_tx: jsonNumber(r.tx), to_tx: jsonNumber(r.tx) }),

  CreateDatabase: (r) => CREATED(r.databaseName, undefined),
  CreateDatabaseWith: (r) => CREATED(r.databaseName, undefined),
  CreateDatabaseV2: (r, response) => ({
    ...CREATED(r.name, response),
    if_not_exists: r.ifNotExists,
  }),
  DatabaseList: (_r, response) => ({ returned: response?.databases?.length ?? 0 }),
  DatabaseListV2: (_r, response) => ({ returned: response?.databases?.length ?? 0 }),
  LoadDatabase: TARGET,
  UnloadDatabase: TARGET,
  DeleteDatabase: TARGET,
  UpdateDatabase: (r) => ({ target_db: nameText(r.databaseName) }),
  UpdateDatabaseV2: TARGET,
  TruncateDatabase: (r) => ({
    ...TARGET(r),
    retention_period_ms: jsonNumber(r.retentionPeriod),
  }),
  FlushIndex: (r) => ({ cleanup_percentage: r.cleanupPercentage, synced: r.synced }),
};

/** @param request undefined for streams of requests, and for calls refused before it was read */
export function dataOf(method: MethodName, request: unknown, response: unknown): EventData {
  const make = DATA[method] as
    | ((request: unknown, response: unknown) => Readonly<Record<string, JsonValue>>)
    | undefined;
  return make === undefined || request === undefined ? {} : make(request, response);
}

/** The transaction that an answer speaks of: a header, or one inside of a proof. */
export function txIdOf(response: unknown): number | undefined {
  if (typeof response !== 'object' || response === null) return undefined;
  if ('id' in response) return Number(response.id);
  const { tx } = response as { tx?: { header?: { id?: number } } };
  const id = typeof tx === 'object' ? tx?.header?.id : undefined;
  return id === undefined ? undefined : Number(id);
}
