import type { ExitCode } from '../../app/exit-codes.js';
import { runProgram } from '../kit/main.js';
import type { Process } from '../kit/world.js';
import { STELEADMIN } from './program.js';

/** The program `steleadmin`. @returns what the process exits with */
export function main(args: readonly string[], world: Process): Promise<ExitCode> {
  return runProgram(STELEADMIN, args, world);
}
