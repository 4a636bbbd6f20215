import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EXIT_NOT_VERIFIED, EXIT_SUCCESS, type ExitCode } from '../../app/exit-codes.js';
import { type CommandContext, UsageError } from '../command.js';
import { type AuditRequest, countOf, noWords, parseAuditRequest } from './request.js';
import { SEAL_OPTIONS, trustedState, withSeals } from './seals.js';

export async function prove(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const options = [...SEAL_OPTIONS, '--seq', '--out', '--check', '--json'] as const;
  const request = parseAuditRequest(args, context, options);
  noWords(request);
  const proof = request.value('--check');
  if (proof !== undefined) return check(path.resolve(context.cwd, proof), request, context);
  const text = request.value('--seq');
  if (text === undefined) throw new UsageError('prove needs --seq N, or --check FILE');
  const seq = countOf('--seq', text);
  return withSeals(request, context, async (source) => {
    const { proveEvent, renderProof } = await import('../../audit/index.js');
    const made = renderProof(await proveEvent(request.path, seq, source));
    const out = request.value('--out');
    if (out === undefined) context.out(made);
    else await writeFile(path.resolve(context.cwd, out), made, { flag: 'wx' });
    return EXIT_SUCCESS;
  });
}

async function check(
  file: string,
  request: AuditRequest,
  context: CommandContext,
): Promise<ExitCode> {
  const { checkEventProof, parseProof } = await import('../../audit/index.js');
  const proof = parseProof(await readFile(file, 'utf8'));
  const verdict = checkEventProof(proof, trustedState(request));
  const alh = verdict.ok && verdict.state && Buffer.from(verdict.state.txHash).toString('hex');
  const state = verdict.ok && verdict.state ? `${verdict.state.txId}:${alh}` : undefined;
  if (request.flag('--json')) context.out(`${JSON.stringify({ ...verdict, state }, null, 2)}\n`);
  if (!verdict.ok) {
    context.err(`NOT VERIFIED: ${verdict.reason}\n`);
    return EXIT_NOT_VERIFIED;
  }
  if (!request.flag('--json')) {
    context.out(`${proof.line}\n`);
    context.err(`seq ${verdict.seq} is in a sealed file; ${standing(state, verdict.trusted)}\n`);
  }
  return EXIT_SUCCESS;
}

function standing(state: string | undefined, trusted: boolean): string {
  if (state === undefined)
    return 'the seal itself is not proved: compare it with one that you trust';
  return trusted
    ? 'the seal is in the database of the trusted state'
    : `the seal is in a database with the state ${state}: compare that with one that you trust`;
}
