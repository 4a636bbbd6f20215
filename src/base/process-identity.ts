import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemErrorCode } from './durable-file.js';

/** What tells one process from every other one, also after its id was given to another process. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process; absent where there is no /proc. */
  readonly startTime?: string;
  /** Differs at each boot of a machine; absent where there is no /proc. */
  readonly bootId?: string;
  /** Process ids mean something within one namespace only; absent where there is no /proc. */
  readonly pidNamespace?: string;
  readonly host: string;
}

export function ownIdentity(): ProcessIdentity {
  const startTime = readProcessStat(process.pid)?.startTime;
  const bootId = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const pidNamespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  return {
    pid: process.pid,
    ...(startTime === undefined ? {} : { startTime }),
    ...(bootId === undefined ? {} : { bootId }),
    ...(pidNamespace === undefined ? {} : { pidNamespace }),
    host: hostname(),
  };
}

/** `unknown`: the process belongs to another machine or namespace, where it cannot be looked up. */
export function lifeOf(other: ProcessIdentity, own: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  const linux = own.bootId !== undefined && own.pidNamespace !== undefined;
  if (linux) {
    const here = other.bootId === own.bootId && other.pidNamespace === own.pidNamespace;
    if (!here) return 'unknown';
  } else if (other.host !== own.host || other.bootId !== undefined) {
    return 'unknown';
  }
  const stat = readProcessStat(other.pid);
  if (stat === undefined) return processExists(other.pid) ? 'alive' : 'dead';
  if (other.startTime !== undefined && stat.startTime !== other.startTime) return 'dead';
  return stat.gone ? 'dead' : 'alive';
}

/** Whether any process has this id here, whoever owns it. */
export function processExists(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}

/** When the process started, in Unix milliseconds to within two seconds; undefined where unknown. */
export function processStartedAt(pid: number): number | undefined {
  const ticks = readProcessStat(pid)?.startTime;
  const stat = attempt(() => readFileSync('/proc/stat', 'utf8'));
  const bootSeconds = /^btime (\d+)$/m.exec(stat ?? '')?.[1];
  if (ticks === undefined || bootSeconds === undefined) return undefined;
  return Number(bootSeconds) * 1000 + Number(ticks) * MS_PER_TICK;
}

/** The kernel shows times to programs in hundredths of a second on every platform that Node runs on. */
const MS_PER_TICK = 10;

interface ProcessStat {
  readonly startTime: string;
  /** Killed, all threads ended, and only not yet waited for by its parent. */
  readonly gone: boolean;
}

/** Fields of proc(5), counted after the command name, which may itself hold blanks and brackets. */
function readProcessStat(pid: number): ProcessStat | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, threads, startTime] = [fields[0], fields[17], fields[19]];
  if (startTime === undefined) return undefined;
  // A zombie whose threads still hang in a system call may yet write; it is not gone.
  const gone = (state === 'Z' || state === 'X') && Number(threads) <= 1;
  return { startTime, gone };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
