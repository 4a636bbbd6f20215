import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../support/project.js';

export interface Done {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 60_000;

/** A command, run where no configuration file is. */
export function runStele(cwd: string, args: readonly string[], input = ''): Done {
  const program = path.join(projectRoot, 'dist/src/cli/stele.js');
  const options = { cwd, input, encoding: 'utf8' as const, timeout: TIMEOUT_MS };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], options);
  return { status: status ?? -1, stdout, stderr };
}
