import { EXIT_SUCCESS } from '../app/exit-codes.js';
import { PROTOCOL_VERSION, steleVersion } from '../app/version.js';
import { type Command, UsageError } from './command.js';

export const versionCommand: Command = {
  name: 'version',
  usage: '[--json]',
  summary: 'Print the version',
  run: async (args, { out }) => {
    const [format, ...rest] = args;
    if ((format !== undefined && format !== '--json') || rest.length > 0) {
      throw new UsageError(`unexpected argument ${format === '--json' ? rest[0] : format}`);
    }
    const versions = {
      version: steleVersion(),
      protocol: PROTOCOL_VERSION,
      node: process.versions.node,
    };
    if (format === '--json') out(`${JSON.stringify(versions)}\n`);
    else {
      out(`stele ${versions.version}\n`);
      out(`Protocol : immudb ${versions.protocol}\nNode     : ${versions.node}\n`);
    }
    return EXIT_SUCCESS;
  },
};
