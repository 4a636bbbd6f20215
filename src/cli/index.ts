import { EXIT_SUCCESS, type ExitCode } from '../app/exit-codes.js';
import { silentLog } from '../base/log.js';
import type { DatabaseManager } from '../database/index.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { type OfflineRequest, offline, parseOffline, progressOf, selected } from './offline.js';

export const indexCommand: Command = {
  name: 'index',
  actions: ['rebuild'],
  usage: 'rebuild [--dir PATH] [--database NAME]',
  summary: 'Build the index anew from the transactions while the server does not run',
  details: () => 'The transactions stay as they are. What else is damaged is found by stele check.',
  run: ([action, ...args], context) => {
    if (action !== 'rebuild') {
      throw new UsageError(`expected index rebuild, not index ${action ?? 'alone'}`);
    }
    const request = parseOffline(args, context);
    return offline(request, context, (manager) => rebuild(manager, request, context));
  },
};

async function rebuild(
  manager: DatabaseManager,
  request: OfflineRequest,
  context: CommandContext,
): Promise<ExitCode> {
  const { rebuildIndex } = await import('../storage/index.js');
  for await (const { name, open } of selected(manager, request, context)) {
    const { store } = await open();
    await rebuildIndex(store, silentLog, progressOf(name, context));
    context.out(`${name}: index built from ${store.state.txId} transactions\n`);
  }
  return EXIT_SUCCESS;
}
