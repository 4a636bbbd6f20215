import { ENV_PREFIXES, envNames } from './names.js';
import { nearestName } from './nearest.js';
import { type OptionName, optionRows } from './options.js';
import type { RawValue, RawValues } from './sources.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentValues {
  readonly values: RawValues;
  /** Variables that look like ours and are not, and what else the operator should know. */
  readonly notices: readonly string[];
}

/** For each option the first of its variables that is set; an empty one counts as unset. */
export function readEnvironment(env: Environment): EnvironmentValues {
  const values = new Map<OptionName, RawValue>();
  const notices: string[] = [];
  const known = new Set<string>();
  for (const [name, option] of optionRows) {
    for (const variable of envNames(option)) {
      known.add(variable);
      const text = env[variable];
      if (text === undefined || text === '' || values.has(name)) continue;
      if (isServiceLink(variable, text)) {
        notices.push(
          `${variable} is an address that Kubernetes sets for a service of this name; not read`,
        );
        continue;
      }
      values.set(name, { text, source: { kind: 'env', name: variable } });
    }
  }
  notices.push(...unknownVariables(env, known));
  return { values, notices };
}

/** Kubernetes sets `STELE_PORT=tcp://10.0.0.1:3322` in every pod beside a service named stele. */
function isServiceLink(variable: string, text: string): boolean {
  return /^[A-Z]+_PORT$/.test(variable) && /^(tcp|udp|sctp):\/\//.test(text);
}

/** Not errors: others may name their variables so; Kubernetes does. */
function unknownVariables(env: Environment, known: ReadonlySet<string>): string[] {
  const prefix = ENV_PREFIXES[0];
  const serviceLink = /^STELE_(?:\w+_)?(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_\w+|PORT)$/;
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.has(name) && !serviceLink.test(name))
    .map((name) => {
      const nearest = nearestName(
        name,
        [...known].filter((other) => other.startsWith(prefix)),
      );
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      return `environment variable ${name} is no option of this server${hint}`;
    });
}
