import { didYouMean, loadConfig, renderShownOptions, shownOptions } from '../app/config/index.js';
import { EXIT_SUCCESS } from '../app/exit-codes.js';
import { type Command, UsageError } from './command.js';

const ACTIONS = ['show'];

export const configCommand: Command = {
  name: 'config',
  actions: ACTIONS,
  usage: 'show [--json] [flags of the server]',
  summary: 'Print the settings that the server would run with, and where each comes from',
  details: () => 'Passwords are never printed, only whether they are set.',
  run: async ([action, ...args], { env, cwd, out, err }) => {
    if (action === undefined || !ACTIONS.includes(action)) {
      const hint = action === undefined ? '' : didYouMean(action, ACTIONS);
      throw new UsageError(`expected config show, not config ${action ?? 'alone'}${hint}`);
    }
    const json = args.includes('--json');
    const resolved = loadConfig(
      args.filter((argument) => argument !== '--json'),
      env,
      cwd,
    );
    if (json) {
      const { configFile = null, notices } = resolved;
      out(`${JSON.stringify({ configFile, options: shownOptions(resolved), notices }, null, 2)}\n`);
    } else {
      out(`${renderShownOptions(resolved)}\n`);
      for (const notice of resolved.notices) err(`WARNING: ${notice}\n`);
    }
    return EXIT_SUCCESS;
  },
};
