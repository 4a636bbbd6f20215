import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { AuditLog, type AuditLogOptions } from '../../src/audit/index.js';
import { FaultLibrary } from '../fault/fault-library.js';
import { Bench, type Report, type SuiteOptions } from '../fault/suite.js';
import { DatabasesFixture } from '../support/database-fixture.js';
import { GrpcClient } from '../support/grpc-client.js';
import { freePort } from '../support/server-process.js';
import { logOptions } from './log-fixture.js';

const TIMEOUT_MS = 60_000;
const MIB = 1 << 20;
const QUEUE_MIB = 4;
const KEY_BYTES = 1000;
const KEYS = 100;
const WAVES = 40;
const CALLS_OF_WAVE = 10;
const WAVE_PAUSE_MS = 20;

/** The disk of the stream hangs: events wait in memory, and new calls wait before they do anything. */
export async function backPressure(report: Report, options: SuiteOptions): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stele-pressure-'));
  try {
    let library: FaultLibrary;
    try {
      library = FaultLibrary.build(folder);
    } catch (error) {
      return report.skipped('a disk of the stream that hangs', String(error));
    }
    const metricsPort = await freePort();
    await using bench = await Bench.make(options, [
      ...['--audit-keys=plain', '--audit-max-keys=1024', '--audit-max-event-size=1MiB'],
      ...[`--audit-queue-size=${QUEUE_MIB}MiB`, '--audit-reserve=0B', '--metrics-server=true'],
      `--metrics-server-port=${metricsPort}`,
    ]);
    const ok = await report.test('a disk of the stream that hangs', TIMEOUT_MS, () =>
      hanging(bench, library, metricsPort),
    );
    if (!ok) bench.fail();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function hanging(bench: Bench, library: FaultLibrary, metricsPort: number): Promise<string> {
  const plan = { dir: bench.dir, match: 'audit.json', calls: 'write', nth: 1 } as const;
  const env = library.environment({ ...plan, mode: 'hang', onward: true });
  await bench.start({ env });
  const clients = Array.from({ length: 4 }, () => new GrpcClient(bench.port));
  try {
    const token = await clients[0]?.login();
    library.openGate();
    const ended: Promise<unknown>[] = [];
    const send = (wave: number) => {
      for (let call = 0; call < CALLS_OF_WAVE; call++) {
        const client = clients[call % clients.length] as GrpcClient;
        const KVs = Array.from({ length: KEYS }, (_, at) => ({
          key: Buffer.from(`${wave}/${call}/${at}/`.padEnd(KEY_BYTES, 'k')),
          value: Buffer.from('v'),
        }));
        ended.push(client.call('Set', { KVs }, { token }).catch(() => undefined));
      }
    };
    const queue = () => gauge(metricsPort, 'stele_audit_queue_bytes');
    let wave = 0;
    for (; wave < WAVES && (await queue()) < QUEUE_MIB * MIB; wave++) {
      send(wave);
      await delay(WAVE_PAUSE_MS);
    }
    // Those that were admitted while there was room have left their events.
    const full = (await settled(queue)) / MIB;
    for (let more = 0; more < WAVES; more++) send(wave + more);
    const after = (await settled(queue)) / MIB;
    const resident = (await gauge(metricsPort, 'process_resident_memory_bytes')) / MIB;
    await bench.server.kill();
    await Promise.all(ended);
    assert.ok(full >= QUEUE_MIB, `only ${full} MiB wait`);
    // What the server says of itself comes on top.
    assert.ok(after - full < 0.1, `${after} MiB wait, before ${full}`);
    const asked = (WAVES * CALLS_OF_WAVE * KEYS * KEY_BYTES) / MIB;
    return (
      `${full.toFixed(1)} MiB wait, and after ${asked.toFixed(0)} MiB more ${after.toFixed(1)}; ` +
      `${resident.toFixed(0)} MiB resident`
    );
  } finally {
    for (const client of clients) client.close();
  }
}

/** Once it does not change for a while. */
async function settled(read: () => Promise<number>): Promise<number> {
  let before = await read();
  for (let same = 0, tries = 0; same < 10 && tries < 100; tries++) {
    await delay(100);
    const now = await read();
    same = now === before ? same + 1 : 0;
    before = now;
  }
  return before;
}

function gauge(port: number, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/metrics' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        resolve(Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0));
      });
    }).on('error', reject);
  });
}

const PAUSE_MS = 3000;
const EVENTS_AT_ONCE = 64;
/** A machine that does something else meanwhile stops us longer than any rotation. */
const NOISE_MS = 150;

/** How long the event loop stands still while files are closed, sealed and compressed, and without that. */
export async function rotationPause(report: Report): Promise<void> {
  await report.test('rotation under load', TIMEOUT_MS, async () => {
    const still = await longestPause({ rotateBytes: 1 << 30, compress: false });
    const busy = await longestPause({ rotateBytes: MIB, compress: true });
    assert.ok(busy.files > 3, `${busy.files} files`);
    assert.ok(busy.maxMs < 10 * still.maxMs + NOISE_MS, `${busy.maxMs} ms, else ${still.maxMs} ms`);
    const text = ({ maxMs, p99Ms }: Pause) =>
      `at most ${maxMs.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
    return `${busy.files} rotations: ${text(busy)}; without: ${text(still)}`;
  });
}

interface Pause {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly files: number;
}

async function longestPause(more: Partial<AuditLogOptions>): Promise<Pause> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stele-pause-'));
  const { manager } = await new DatabasesFixture(folder).open();
  try {
    const options = await logOptions(manager, folder, more);
    const audit = await AuditLog.open(options);
    const delays = monitorEventLoopDelay({ resolution: 1 });
    const end = performance.now() + PAUSE_MS;
    delays.enable();
    while (performance.now() < end) {
      const events = Array.from({ length: EVENTS_AT_ONCE }, (_, at) =>
        audit.say('config.changed', { changes: { at, text: 'x'.repeat(300) } }),
      );
      await Promise.all(events);
    }
    delays.disable();
    const files = audit.stats().rotations.get('size') ?? 0;
    await audit.close();
    return { maxMs: delays.max / 1e6, p99Ms: delays.percentile(99) / 1e6, files };
  } finally {
    await manager.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
