import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Environment, flagsForChild } from './config/index.js';

export interface DetachedStart {
  /** The program, for Node to run. */
  readonly script: string;
  /** Flags as they were given. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly cwd: string;
  /** Milliseconds after which a server that is still getting ready is left to itself. */
  readonly patienceMs: number;
}

export type DetachedOutcome =
  | { readonly kind: 'ready' | 'stillStarting'; readonly pid: number }
  /** It has printed itself what was wrong. */
  | { readonly kind: 'ended'; readonly exitCode: number | null };

const READY = 'stele ready';

/**
 * Starts the same server in the background, in a session of its own, and waits until it says that it is
 * ready. Passwords reach it through its environment, never through its arguments.
 */
export async function startDetached(start: DetachedStart): Promise<DetachedOutcome> {
  const { flags, env } = flagsForChild(start.argv, start.env);
  const child = spawn(process.execPath, [...process.execArgv, start.script, ...flags], {
    cwd: start.cwd,
    env: { ...env },
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  // Rejects when the program cannot be started at all.
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const waiting = new AbortController();
  const kind = await Promise.race([
    once(child, 'message', { signal: waiting.signal }).then(() => 'ready' as const),
    once(child, 'exit', { signal: waiting.signal }).then(() => 'ended' as const),
    patience(start.patienceMs, waiting.signal),
  ]).finally(() => waiting.abort());
  if (kind === 'ended') return { kind, exitCode: child.exitCode };
  if (child.connected) child.disconnect();
  child.unref();
  return { kind, pid };
}

function patience(ms: number, signal: AbortSignal): Promise<'stillStarting'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('stillStarting'), ms);
    signal.addEventListener('abort', () => clearTimeout(timer));
  });
}

/** In the server: tells whoever started it in the background, if somebody did. */
export function reportReady(): void {
  if (!process.connected) return;
  process.send?.(READY, undefined, {}, () => {
    if (process.connected) process.disconnect();
  });
}
