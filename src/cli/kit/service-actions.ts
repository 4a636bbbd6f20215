/** Switches of each action. */
export const SERVICE_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  install: ['--print', '--dry-run'],
  uninstall: ['--yes', '--erase-data', '--dry-run'],
  start: [],
  stop: [],
  restart: [],
  status: [],
};
