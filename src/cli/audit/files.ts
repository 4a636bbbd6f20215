import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { EXIT_SUCCESS, type ExitCode } from '../../app/exit-codes.js';
import { type CommandContext, UsageError } from '../command.js';
import { noWords, parseAuditRequest } from './request.js';
import { SEAL_OPTIONS, withSeals } from './seals.js';

/** The files of the stream, or the seals in a form that verify and prove take with `--seals`. */
export async function files(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const options = [...SEAL_OPTIONS, '--json', '--export-seals'] as const;
  const request = parseAuditRequest(args, context, options);
  noWords(request);
  if (request.flag('--export-seals')) return exportSeals(request, context);
  const { listAuditFiles } = await import('../../audit/index.js');
  const list = await Promise.all(
    (await listAuditFiles(request.path)).map(async ({ path: file, name, fileNo, compressed }) => {
      const { size, mtime } = await stat(file);
      return { name, fileNo, compressed, bytes: size, changedAt: mtime.toISOString() };
    }),
  );
  if (request.flag('--json')) context.out(`${JSON.stringify(list, null, 2)}\n`);
  else {
    for (const { name, bytes, changedAt } of list) {
      context.out(`${name}  ${bytes} bytes  ${changedAt}\n`);
    }
  }
  return EXIT_SUCCESS;
}

function exportSeals(
  request: ReturnType<typeof parseAuditRequest>,
  context: CommandContext,
): Promise<ExitCode> {
  return withSeals(request, context, async (source) => {
    const { CHECKPOINT_PREFIX } = await import('../../audit/index.js');
    for (const { seal, value } of await source.seals()) {
      const key = `audit/seal/${String(seal.file_no).padStart(20, '0')}`;
      context.out(`${JSON.stringify({ key, value: value.toString('utf8') })}\n`);
    }
    const checkpoint = await source.checkpoint();
    if (checkpoint) {
      const key = CHECKPOINT_PREFIX + String(checkpoint.up_to_seq).padStart(20, '0');
      context.out(`${JSON.stringify({ key, value: JSON.stringify(checkpoint) })}\n`);
    }
    return EXIT_SUCCESS;
  });
}

const HASH_DIGITS = 32;
const STDIN = 0;

/** What stands in events for a key. The key is read from a file, so that no list of processes shows it. */
export async function hash(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const request = parseAuditRequest(args, context, ['--file', '--key-id']);
  if (request.words.length > 0) {
    throw new UsageError('hash reads the key from --file FILE or from its standard input');
  }
  const file = request.value('--file');
  const input =
    file === undefined ? readFileSync(STDIN) : await readFile(path.resolve(context.cwd, file));
  const key = input.at(-1) === 0x0a ? input.subarray(0, -1) : input;
  const { auditKeyFile } = await import('../../audit/index.js');
  const keyFile = auditKeyFile(path.dirname(request.path), request.value('--key-id'));
  const secret = await readFile(keyFile);
  const digest = createHmac('sha256', secret).update(key).digest('hex');
  context.out(`h:${digest.slice(0, HASH_DIGITS)}\n`);
  return EXIT_SUCCESS;
}
