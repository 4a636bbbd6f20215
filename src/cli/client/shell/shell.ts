import type { ExitCode } from '../../../app/exit-codes.js';
import type { Process } from '../main.js';
import type { Settings } from '../settings.js';

export async function runShell(_settings: Settings, _world: Process): Promise<ExitCode> {
  return 0;
}
