import {
  EXIT_FAILURE,
  EXIT_NOT_VERIFIED,
  EXIT_SUCCESS,
  type ExitCode,
} from '../../../app/exit-codes.js';
import { createPidFile, type PidFile } from '../../../app/pid-file.js';
import { steleVersion } from '../../../app/version.js';
import {
  type AuditLog,
  Auditor,
  AuditorMonitor,
  type CycleResult,
  durationText,
} from '../../../auditor/index.js';
import { CallError } from '../../../client/index.js';
import type { Settings } from '../../kit/settings.js';
import type { Process } from '../../kit/world.js';
import { openAuditLog } from './log.js';
import { auditorOptions, monitoringAddress } from './settings.js';

/** The auditor in the foreground: until it is told to stop, or with `--once` for one cycle. */
export async function runAuditor(settings: Settings, world: Process): Promise<ExitCode> {
  const abort = new AbortController();
  world.onInterrupt(() => abort.abort());
  await using log = await openAuditLog(settings, world);
  const options = await auditorOptions(settings, world, log.write);
  await using _pid = await pidFile(settings);
  await using auditor = await Auditor.open(options);
  if (settings.has('once')) return await once(auditor, settings, world, abort.signal);
  try {
    await auditor.checkServers(abort.signal);
  } catch (error) {
    if (!(error instanceof CallError) || error.method !== 'Login') throw error;
    world.err(`Invalid login operation: ${error.message}\n`);
    return EXIT_FAILURE;
  }
  // A log collector that dies must not end the audits.
  world.stayWithoutReader();
  const interval = durationText(options.intervalMs);
  world.out.write(`${interval}\n`);
  log.write('INFO', `starting auditor with a ${interval} interval ...`);
  const monitor = await startMonitor(auditor, settings, log.write);
  try {
    await auditor.run(abort.signal);
  } finally {
    await monitor.close();
  }
  return EXIT_SUCCESS;
}

async function once(
  auditor: Auditor,
  settings: Settings,
  world: Process,
  signal: AbortSignal,
): Promise<ExitCode> {
  const result = await auditor.cycle(signal);
  if (settings.has('json')) world.out.write(`${JSON.stringify(result)}\n`);
  return exitCodeOf(result);
}

function exitCodeOf({ alarms, failures }: CycleResult): ExitCode {
  if (alarms.some(({ kind }) => kind !== 'outage')) return EXIT_NOT_VERIFIED;
  return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

async function startMonitor(
  auditor: Auditor,
  settings: Settings,
  log: AuditLog,
): Promise<AuditorMonitor> {
  const { host, port } = monitoringAddress(settings);
  const monitor = new AuditorMonitor({
    figures: auditor.figures,
    version: steleVersion(),
    component: 'stele-auditor',
    health: () => auditor.health(),
  });
  const bound = await monitor.listen(host, port);
  log('INFO', `auditor monitoring HTTP server starting on ${host}:${bound} ...`);
  return monitor;
}

async function pidFile(settings: Settings): Promise<PidFile | undefined> {
  const file = settings.text('pidfile');
  return file === undefined ? undefined : createPidFile(file);
}
