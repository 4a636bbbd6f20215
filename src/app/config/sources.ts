import type { OptionName } from './options.js';

/** Where a value came from. */
export type Source =
  | { readonly kind: 'default' }
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string; readonly key: string; readonly line?: number };

/** A value as it was written, not yet understood. */
export interface RawValue {
  readonly text: string;
  readonly source: Source;
}

export type RawValues = ReadonlyMap<OptionName, RawValue>;

/** Sources in order of precedence; the higher number wins. */
export function rankOf(source: Source): number {
  switch (source.kind) {
    case 'default':
      return 0;
    case 'file':
      return 1;
    case 'env':
      return source.name.startsWith('STELE_') ? 3 : 2;
    case 'flag':
      return 4;
  }
}

/** `--port`, `STELE_PORT`, `port in /etc/stele/stele.toml:3`, `default`. */
export function describeSource(source: Source): string {
  switch (source.kind) {
    case 'default':
      return 'default';
    case 'flag':
      return source.name;
    case 'env':
      return `environment variable ${source.name}`;
    case 'file': {
      const line = source.line === undefined ? '' : `:${source.line}`;
      return `${source.key} in ${source.path}${line}`;
    }
  }
}
