import type { SteleClient } from '../../../client/index.js';
import type { Program } from '../../kit/program.js';
import type { Printer } from '../printer.js';
import { quoteWord } from './words.js';

const OWN_NAMES = ['help', 'version', 'clear', 'exit', 'quit'];
const KEYS_MAX = 50;
/** A person waits for the answer. */
const DEADLINE_MS = 1000;

/** What may stand where the cursor is: commands, flags, databases, keys. */
export async function complete(
  program: Program<Printer>,
  line: string,
  client: SteleClient | undefined,
): Promise<[string[], string]> {
  const words = line.trimStart().split(/\s+/);
  const last = words.at(-1) ?? '';
  if (words.length <= 1) return [starting([...program.commandNames, ...OWN_NAMES], last), last];
  if (last.startsWith('--')) return [starting(program.options.flags, last), last];
  const name = words[0] as string;
  if (name === 'help') return [starting(program.commandNames, last), last];
  const kind = program.find([name])?.command.completes;
  const isFirst = words.length === 2 || name === 'getall';
  if (kind === undefined || client === undefined || !isFirst) return [[], last];
  try {
    const found = kind === 'database' ? await databases(client, last) : await keys(client, last);
    return [found, last];
  } catch {
    // Without a login or a server there is nothing to propose; the command itself will say why.
    return [[], last];
  }
}

function starting(names: readonly string[], start: string): string[] {
  return names.filter((name) => name.startsWith(start)).map((name) => `${name} `);
}

async function databases(client: SteleClient, start: string): Promise<string[]> {
  const { databases: found } = await client.call('DatabaseList', {}, { deadlineMs: DEADLINE_MS });
  return starting(
    found.map(({ databaseName }) => databaseName),
    start,
  );
}

async function keys(client: SteleClient, start: string): Promise<string[]> {
  const request = { prefix: Buffer.from(start.replace(/^["']/, '')), limit: KEYS_MAX };
  const { entries } = await client.call('Scan', request, { deadlineMs: DEADLINE_MS });
  return entries.map(({ key, referencedBy }) => {
    const bytes = referencedBy?.key ?? key;
    return `${quoteWord(Buffer.from(bytes).toString('utf8'))} `;
  });
}
