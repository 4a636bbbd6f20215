import { EXIT_NOT_VERIFIED, EXIT_SUCCESS, type ExitCode } from '../app/exit-codes.js';
import type { DatabaseManager } from '../database/index.js';
import type { CheckReport } from '../storage/index.js';
import type { Command, CommandContext } from './command.js';
import {
  exitCodeOf,
  type OfflineRequest,
  offline,
  parseOffline,
  progressOf,
  selected,
} from './offline.js';

export const checkCommand: Command = {
  name: 'check',
  usage: '[--dir PATH] [--database NAME] [--json]',
  summary: 'Recompute everything that is stored while the server does not run',
  details: () =>
    'Reads every transaction, value, proof node and index entry and checks them against each other.\n' +
    'Exit codes: 0 all is sound, 3 something is damaged, 1 it could not be checked, 74 the disk failed.',
  run: (args, context) => {
    const request = parseOffline(args, context);
    return offline(request, context, (manager) => check(manager, request, context));
  },
};

async function check(
  manager: DatabaseManager,
  request: OfflineRequest,
  context: CommandContext,
): Promise<ExitCode> {
  const { checkStore, describeProblem } = await import('../storage/index.js');
  const reports: (CheckReport & { database: string })[] = [];
  let result: ExitCode = EXIT_SUCCESS;
  for await (const { name, open } of selected(manager, request, context)) {
    try {
      const { store } = await open();
      const report = await checkStore(store, { onProgress: progressOf(name, context) });
      reports.push({ database: name, ...report });
      if (report.problemCount > 0) result = EXIT_NOT_VERIFIED;
      if (!request.json) context.out(summaryOf(name, report));
      for (const problem of report.problems) {
        context.err(`NOT VERIFIED: ${name}, ${describeProblem(problem)}\n`);
      }
    } catch (error) {
      result = exitCodeOf(error, context);
    }
  }
  if (request.json) context.out(`${JSON.stringify(reports.map(plain), null, 2)}\n`);
  return result;
}

function summaryOf(name: string, report: CheckReport): string {
  const { transactions, entries, indexEntries, historyRows, bytes, problemCount } = report;
  const megabytes = (bytes / 1e6).toFixed(1);
  const verdict = problemCount === 0 ? 'sound' : `${problemCount} PROBLEMS`;
  return (
    `${name}: ${verdict}; ${transactions} transactions, ${entries} entries, ${indexEntries} keys, ` +
    `${historyRows} older versions, ${megabytes} MB\n`
  );
}

function plain({ problems, ...report }: CheckReport & { database: string }) {
  return {
    ...report,
    problems: problems.map(({ where, what }) => ({ where, what: what.message })),
  };
}
