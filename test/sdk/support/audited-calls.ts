import { readStream } from '../../audit/stream-reader.js';

/** Calls by method. */
type Calls = Map<string, number>;

/** Adds the calls that a server has answered since it started, as its metrics count them. */
export async function addAnswered(calls: Calls, metricsPort: number): Promise<void> {
  const page = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  for (const line of (await page.text()).split('\n')) {
    if (!line.startsWith('grpc_server_handled_total{')) continue;
    const method = /grpc_method="(\w+)"/.exec(line)?.[1] ?? line;
    calls.set(method, (calls.get(method) ?? 0) + Number(line.slice(line.lastIndexOf(' '))));
  }
}

/** @returns what is wrong with the events of `answered`: a broken chain, calls without one or with several */
export function auditProblems(folder: string, answered: Calls): string[] {
  const { events, broken } = readStream(folder);
  const written: Calls = new Map();
  for (const { event_data: data } of events) {
    if (typeof data.rpc === 'string') written.set(data.rpc, (written.get(data.rpc) ?? 0) + 1);
  }
  const problems = [...broken];
  for (const method of new Set([...answered.keys(), ...written.keys()])) {
    const [calls, lines] = [answered.get(method) ?? 0, written.get(method) ?? 0];
    if (calls !== lines) problems.push(`${method}: ${calls} calls, ${lines} events`);
  }
  if (events.length === 0) problems.push('no event');
  return problems;
}
