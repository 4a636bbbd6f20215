import { readFileSync } from 'node:fs';

/** What `Health` and `ServerInfo` tell clients: the protocol they may count on. */
export const PROTOCOL_VERSION = '1.9.7';

let version: string | undefined;

/** Stele's own version, from its package. */
export function steleVersion(): string {
  version ??= readVersion();
  return version;
}

function readVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof content === 'object' && content !== null && 'version' in content) {
    return String(content.version);
  }
  throw new TypeError(`${file.pathname} has no version`);
}
