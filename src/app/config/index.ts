// For those who start a server.

// For commands and documents only.
export { parseArguments } from './arguments.js';
export { flagsForChild } from './child.js';
export { renderOptionsTable, renderSampleFile } from './documents.js';
export type { Environment } from './environment.js';
export { CONFIG_ERROR_CODES, ConfigError, type ConfigErrorCode } from './errors.js';
export { SYSTEM_CONFIG_FILE } from './file.js';
export { flagSections, renderFlags } from './help.js';
export { loadConfig, type ResolvedConfig } from './load.js';
export { flagNames } from './names.js';
export { didYouMean, nearestName } from './nearest.js';
export type { Config, OptionName } from './options.js';
export { DEFAULT_ADMIN_PASSWORD, Secrets } from './secrets.js';
export { renderShownOptions, type ShownOption, shownOptions } from './show.js';
export { describeSource, type Source } from './sources.js';
