import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../fault/suite.js';
import { projectRoot } from '../support/project.js';
import { Bench } from './bench.js';

const TIMEOUT_MS = 180_000;
const ANONYMOUS_MIB_MAX = 150;
const CYCLES = 5;
const VALUE_BYTES = 20_000;

/** The shipped auditor of many databases, cycle after cycle: what it holds, and how it is connected. */
export async function manyDatabases(report: Report, count: number): Promise<void> {
  if (process.platform !== 'linux') return report.skipped('memory', 'it is read from /proc');
  await report.test(`${count} databases`, TIMEOUT_MS, async () => {
    await using bench = await Bench.make();
    await bench.start();
    await fill(bench, count);
    const child = spawn(
      process.execPath,
      [
        path.join(projectRoot, 'dist/src/cli/steleclient.js'),
        'audit-mode',
        ...['--audit-interval', '10ms', '--audit-monitoring-host', '127.0.0.1'],
        ...['--audit-monitoring-port', '0', '--audit-databases', 'many'],
      ],
      { cwd: bench.folder, env: bench.environment(), stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = once(child, 'exit');
    try {
      const port = await monitoringPort(child.stdout);
      let anonymous = 0;
      let connections = 0;
      let page = '';
      const begin = performance.now();
      do {
        await delay(100);
        page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        anonymous = Math.max(anonymous, anonymousMib(child.pid as number));
        connections = Math.max(connections, connectionsOf(child.pid as number, bench.port));
      } while (number(page, 'stele_auditor_cycles_total ') < CYCLES);
      const cycleMs = (performance.now() - begin) / CYCLES;
      const sound = page.match(/^stele_auditor_result\{.*\} 1$/gm)?.length;
      assert.equal(sound, count, 'a database was not found sound');
      assert.equal(connections, 1, 'connections to the server');
      assert.ok(anonymous < ANONYMOUS_MIB_MAX, `${anonymous.toFixed(0)} MiB`);
      const figures = `${anonymous.toFixed(0)} MiB anonymous at most, ${connections} connection`;
      return `${figures}, ${cycleMs.toFixed(0)} ms a cycle`;
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });
}

function fill(bench: Bench, count: number): Promise<void> {
  return bench.with(async (client) => {
    for (let i = 0; i < count; i++) {
      const databaseName = `many${i}`;
      await client.call('CreateDatabase', { databaseName });
      await client.useDatabase(databaseName);
      for (let k = 0; k < 5; k++) await client.set(`key ${k}`, Buffer.alloc(VALUE_BYTES, i));
    }
  });
}

/** Reads on after it, so that the auditor is not held up. */
function monitoringPort(output: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    output.on('data', (piece: Buffer) => {
      text = (text + piece).slice(-4096);
      const port = /HTTP server starting on 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(port);
    });
    output.on('end', () => reject(new Error(`the auditor ended: ${text}`)));
  });
}

function number(page: string, start: string): number {
  const line = page.split('\n').find((text) => text.startsWith(start)) ?? '';
  return Number(line.slice(start.length));
}

function anonymousMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Established connections of a process to a port. */
function connectionsOf(pid: number, port: number): number {
  const own = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined) own.add(inode);
    } catch {
      // It was closed meanwhile.
    }
  }
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'utf8').trimEnd().split('\n').slice(1);
  return rows.filter((row) => {
    const [, , to = '', state, , , , , , inode = ''] = row.trim().split(/\s+/);
    return state === '01' && to.endsWith(remote) && own.has(inode);
  }).length;
}
