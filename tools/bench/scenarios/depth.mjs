import { methods, pb } from '../../../dist/src/wire/index.js';
import { atMost } from '../report.mjs';
import { VALUE } from './data.mjs';

/** What two equal pages may differ by on a machine with other work. */
const RATIO_MAX = 1.5;
const PAGE = 100;

/** One client turns pages at each depth; the slowest median is compared with that of the first page. */
export async function pageTimes(
  context,
  stele,
  headers,
  { figure, method, depths, bodies, calls },
) {
  const medians = [];
  const timed = (body, count) =>
    context.client.run('runLoad', {
      port: stele.port,
      headers,
      path: methods[method].path,
      requests: { bodies: [body] },
      connections: 1,
      inFlight: 1,
      calls: count,
      client: context.clientKind,
    });
  for (const body of bodies) await timed(body, calls);
  for (const body of bodies) medians.push((await timed(body, 2 * calls)).latencyMs.p50);
  const worst = Math.max(...medians);
  context.add({
    figure: `${figure}: slowest p50`,
    value: worst,
    unit: 'ms',
    limit: { what: 'first page', value: medians[0] },
    wanted: atMost(RATIO_MAX * medians[0], `the first page's time (x ${RATIO_MAX})`),
    details: { depths, medianMs: medians },
  });
}

/** A key that was written again and again. */
export async function revisions(context) {
  const count = context.quick ? 3000 : 100_000;
  await context.withServer('revisions', async (stele) => {
    const headers = await stele.login();
    const key = Buffer.from('a key with many versions');
    await context.client.run('runLoad', {
      port: stele.port,
      headers,
      path: methods.Set.path,
      requests: { bodies: [pb.encodeSetRequest({ KVs: [{ key, value: VALUE }] })] },
      connections: 4,
      inFlight: 512,
      calls: count,
      client: context.clientKind,
    });
    for (const desc of [false, true]) {
      const depths = [0, 0.25, 0.5, 0.75, 1].map((depth) => Math.floor(depth * (count - PAGE)));
      await pageTimes(context, stele, headers, {
        figure: `History pages of ${count.toLocaleString('en-US')} versions${desc ? ', newest first' : ''}`,
        method: 'History',
        depths,
        bodies: depths.map((offset) => pb.encodeHistoryRequest({ key, offset, limit: PAGE, desc })),
        calls: 50,
      });
    }
  });
}
