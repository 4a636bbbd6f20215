import { methods, pb } from '../../../dist/src/wire/index.js';
import { watchMemory } from '../proc.mjs';
import { baseline } from '../processes.mjs';
import { atLeast, atMost } from '../report.mjs';
import { call, connectGrpc } from '../transport.mjs';

const MIB = 1 << 20;
const CHUNK_BYTES = 65_536;
const WANTED_MIB_PER_SECOND = 150;
/** MB; a quarter of the value, so that the value cannot stand in memory. */
const GROWTH_WANTED = 64;
/** As the server keeps a large value: in pieces, each with a commit of its own. */
const PIECE_BYTES = MIB;
const DATABASE = 'streams';
const KEY = Buffer.from('a large value');

/** A value larger than the default limit, through a database that allows it. */
export async function stream(context) {
  const bytes = (context.quick ? 32 : 256) * MIB;
  await context.withServer('stream', async (stele) => {
    await createDatabase(stele, bytes + 1);
    const headers = await stele.login(DATABASE);
    await send(context, stele, headers, bytes);
    await receive(context, stele, headers, bytes);
  });
}

async function createDatabase(stele, maxValueLen) {
  const connection = connectGrpc(stele.port, await stele.login());
  try {
    const settings = { maxValueLen: { value: maxValueLen } };
    const request = pb.encodeCreateDatabaseRequest({ name: DATABASE, settings });
    await call(connection, methods.CreateDatabaseV2.path, request);
  } finally {
    connection.close();
  }
}

async function send(context, stele, headers, bytes) {
  const task = { headers, path: methods.streamSet.path, key: KEY, bytes };
  const dir = context.folder('pieces');
  const { bytesPerSecond } = await baseline('pieces', dir, context.seconds / 2, PIECE_BYTES);
  context.remove(dir);
  const toEcho = await context.client.run('sendValue', { ...task, port: context.echo.port });
  const { result, before, max } = await watchMemory(stele.pid, () =>
    context.client.run('sendValue', { ...task, port: stele.port }),
  );
  const echo = { what: 'echo', value: bytes / MIB / toEcho.seconds };
  const lmdb = { what: 'LMDB, 1 MiB a commit', value: bytesPerSecond / MIB };
  const limit = echo.value < lmdb.value ? echo : lmdb;
  add(context, 'streamSet', bytes, result.seconds, limit, max - before);
}

async function receive(context, stele, headers, bytes) {
  const path = methods.streamGet.path;
  const request = pb.encodeKeyRequest({ key: KEY });
  const task = { headers, path, request, key: KEY };
  const chunk = pb.encodeChunk({ content: Buffer.alloc(CHUNK_BYTES) });
  await context.echo.setStream('streamGet', chunk, bytes / CHUNK_BYTES);
  const fromEcho = await context.client.run('receiveValue', { ...task, port: context.echo.port });
  const { result, before, max } = await watchMemory(stele.pid, () =>
    context.client.run('receiveValue', { ...task, port: stele.port }),
  );
  const sent = await context.client.run('patternDigest', { bytes });
  const again = await context.client.run('receiveValue', {
    ...task,
    port: stele.port,
    digest: true,
  });
  if (again.digest !== sent) throw new Error('streamGet gave another value than streamSet took');
  const limit = { what: 'echo', value: bytes / MIB / fromEcho.seconds };
  add(context, 'streamGet', bytes, result.seconds, limit, max - before);
}

function add(context, method, bytes, seconds, limit, growth) {
  const size = `${bytes / MIB} MiB`;
  context.add({
    figure: `${method} of a value of ${size}`,
    value: bytes / MIB / seconds,
    unit: 'MiB/s',
    limit,
    wanted: atLeast(WANTED_MIB_PER_SECOND),
  });
  context.add({
    figure: `RssAnon, growth during ${method}`,
    value: growth / 1e6,
    unit: 'MB',
    wanted: atMost(GROWTH_WANTED),
  });
}
