import { EXIT_NOT_VERIFIED, type ExitCode } from '../app/exit-codes.js';
import { messageOf, SteleError } from '../base/errors.js';
import { files, hash } from './audit/files.js';
import { prove } from './audit/prove.js';
import { cat, exportEvents, query, tail } from './audit/read.js';
import { SEAL_USAGE } from './audit/seals.js';
import { verify } from './audit/verify.js';
import { type Command, type CommandContext, UsageError } from './command.js';

const ACTIONS: Readonly<
  Record<string, (args: readonly string[], context: CommandContext) => Promise<ExitCode>>
> = { verify, prove, cat, tail, query, export: exportEvents, files, hash };

export const auditCommand: Command = {
  name: 'audit',
  actions: Object.keys(ACTIONS),
  usage: `${Object.keys(ACTIONS).join('|')} [--dir PATH] [--audit-path FILE] [OPTION]...`,
  summary: 'Read, search and verify the files of the audit event stream',
  details: () =>
    `verify [--json] [--chain-only | SEALS]    check every line, file and seal
prove --seq N [--out FILE] [SEALS]        one event with its proof
prove --check FILE [--state TXID:ALH]     check such a proof; needs nothing else
cat [--filter F] [--format F] [--from N|TIME] [--to N|TIME]
query FILTER [--format F] [--from] [--to]
export --format native|mongo|ocsf|ecs|cef|immudb [--filter F] [--from] [--to]
tail [-f] [--lines N] [--filter F] [--format F]
files [--json] | files --export-seals [SEALS]
hash [--file FILE] [--key-id ID]          what stands in events for the key in the file or input

SEALS says where they are; without it, in the databases of --dir, which no server may use meanwhile:
  ${SEAL_USAGE}
Filters are queries of MongoDB: '{ "users.user": "tim", event_name: /^kv\\./ }'.
Exit codes: 0 done, and verified where that was asked; 3 something was changed, removed or is not proved;
2 wrong arguments; 1 it could not be done; 74 the disk failed.`,
  run: async ([action, ...args], context) => {
    const run =
      action === undefined || !Object.hasOwn(ACTIONS, action) ? undefined : ACTIONS[action];
    if (!run) {
      const known = Object.keys(ACTIONS).join(', ');
      throw new UsageError(`expected audit and one of ${known}; got ${action ?? 'nothing'}`);
    }
    try {
      return await run(args, context);
    } catch (error) {
      return exitCodeOf(error, context);
    }
  },
};

/** What does not verify is told from what could not be done. */
async function exitCodeOf(error: unknown, { err }: CommandContext): Promise<ExitCode> {
  const { AuditFileError, FilterError } = await import('../audit/index.js');
  if (error instanceof FilterError) throw new UsageError(error.message);
  const code = error instanceof SteleError ? error.code : undefined;
  const isProof = error instanceof AuditFileError && code !== 'notProvable';
  if (!isProof && code !== 'notVerified') throw error;
  err(`NOT VERIFIED: ${messageOf(error)}\n`);
  return EXIT_NOT_VERIFIED;
}
