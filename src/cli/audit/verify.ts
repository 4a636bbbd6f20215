import { EXIT_NOT_VERIFIED, EXIT_SUCCESS, type ExitCode } from '../../app/exit-codes.js';
import type { SealSource, VerifyReport } from '../../audit/index.js';
import type { CommandContext } from '../command.js';
import { noWords, parseAuditRequest } from './request.js';
import { SEAL_OPTIONS, withSeals } from './seals.js';

export async function verify(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const request = parseAuditRequest(args, context, [...SEAL_OPTIONS, '--chain-only', '--json']);
  noWords(request);
  const run = async (source?: SealSource): Promise<ExitCode> => {
    const { verifyAudit } = await import('../../audit/index.js');
    const report = await verifyAudit({ path: request.path, source });
    if (request.flag('--json')) context.out(`${JSON.stringify(report, null, 2)}\n`);
    else context.out(summaryOf(report));
    const { describeProblem } = await import('../../audit/index.js');
    for (const problem of report.problems) {
      context.err(`NOT VERIFIED: ${describeProblem(problem)}\n`);
    }
    return report.ok ? EXIT_SUCCESS : EXIT_NOT_VERIFIED;
  };
  return request.flag('--chain-only') ? run() : withSeals(request, context, run);
}

function summaryOf(report: VerifyReport): string {
  const { ok, files, lines, bytes, sealsChecked, filesUnsealed, checkpointChecked, problems } =
    report;
  const verdict = ok ? 'sound' : `${problems.length} PROBLEMS`;
  const range =
    report.firstSeq === undefined ? '' : `, seq ${report.firstSeq} to ${report.lastSeq}`;
  const checkpoint = checkpointChecked ? ', checkpoint of the live file' : '';
  const unsealed = filesUnsealed > 0 ? `; ${filesUnsealed} closed files wait for their seals` : '';
  const evidence =
    sealsChecked === 0 && !checkpointChecked
      ? 'checked against themselves only: without seals, who rewrote all of them is not found'
      : `checked against ${sealsChecked} seals${checkpoint}${unsealed}`;
  const txs = report.transactionsChecked;
  const vouched = txs === undefined ? '' : `; ${txs} transactions, each with its event`;
  return `${verdict}; ${files} files, ${lines} lines${range}, ${(bytes / 1e6).toFixed(1)} MB; ${evidence}${vouched}\n`;
}
