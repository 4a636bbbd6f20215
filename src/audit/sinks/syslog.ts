import { connect as connectTcp, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { parseNativeEvent } from '../formats/convert.js';
import { outcomeOf } from '../formats/native.js';
import type { Sink, SinkLine } from './sink.js';

const TIMEOUT_MS = 10_000;
/** "Log audit" of RFC 5424, section 6.2.1. */
const FACILITY = 13;
const SEVERITY_WARNING = 4;
const SEVERITY_INFORMATIONAL = 6;

export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
  /** Present: RFC 5425. */
  readonly tls?: ConnectionOptions | undefined;
}

/** One event as a message of RFC 5424. */
export function syslogMessage({ text }: SinkLine, host = hostname()): string {
  const event = parseNativeEvent(text);
  const succeeded = !event || outcomeOf(event) === 'success';
  const priority = FACILITY * 8 + (succeeded ? SEVERITY_INFORMATIONAL : SEVERITY_WARNING);
  const id = event ? event.event_name.slice(0, 32) : '-';
  return `<${priority}>1 ${event?.event_time ?? '-'} ${host} stele ${process.pid} ${id} - ${text}`;
}

/**
 * Syslog over TCP or TLS, each message preceded by its length (RFC 6587, 3.4.1). The protocol has no
 * answers: what the operating system took and the connection did not refuse counts as taken, so lines that
 * were on their way when the other side died can be lost. Where that matters, the HTTP sink is the one.
 */
export function syslogSink(target: SyslogTarget): Sink {
  let socket: Socket | undefined;
  return {
    async send(lines) {
      socket ??= await open(target);
      const current = socket;
      try {
        await write(current, lines);
      } catch (error) {
        current.destroy();
        socket = undefined;
        throw error;
      }
      if (current.destroyed || current.readableEnded) socket = undefined;
    },
    async close() {
      const last = socket;
      socket = undefined;
      if (last) await new Promise<void>((resolve) => last.end(resolve));
      last?.destroy();
    },
  };
}

function open({ host, port, tls }: SyslogTarget): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const ready = (): void => {
      socket.setTimeout(0);
      socket.off('error', reject);
      // A broken connection is found by the next write.
      socket.on('error', () => {});
      socket.resume();
      resolve(socket);
    };
    const socket: Socket = tls
      ? connectTls({ host, port, ...tls }, ready)
      : connectTcp({ host, port }, ready);
    socket.setTimeout(TIMEOUT_MS, () => {
      socket.destroy(new Error(`${host}:${port} did not answer in ${TIMEOUT_MS} ms`));
    });
    socket.once('error', reject);
  });
}

function write(socket: Socket, lines: readonly SinkLine[]): Promise<void> {
  const frames = lines.map((line) => {
    const message = Buffer.from(syslogMessage(line));
    return Buffer.concat([Buffer.from(`${message.length} `), message]);
  });
  return new Promise((resolve, reject) => {
    if (socket.destroyed || socket.readableEnded) {
      reject(new Error('the connection was closed by the other side'));
      return;
    }
    const closed = (): void => reject(new Error('the connection broke'));
    socket.once('close', closed);
    socket.write(Buffer.concat(frames), (error) => {
      socket.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });
}
