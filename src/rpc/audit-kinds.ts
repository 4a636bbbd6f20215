import { type AuditClass, type EventKind, SERVER_EVENTS } from '../audit/index.js';
import { METHOD_NAMES } from '../wire/index.js';
import { eventNamesOf, isReadOnly, planOf } from './plan.js';

/** One event of the catalogue. */
export interface CatalogueRow {
  readonly name: string;
  readonly class: AuditClass;
  readonly readOnly: boolean;
  /** Methods that leave it; of events of the server what they tell. */
  readonly raisedBy: readonly string[];
  readonly about: string | undefined;
}

/** All events, out of the method table and the list of the server's own. */
export function catalogueRows(): CatalogueRow[] {
  const rows = new Map<string, CatalogueRow & { raisedBy: string[] }>();
  for (const method of METHOD_NAMES) {
    const { audit } = planOf(method);
    for (const name of eventNamesOf(audit)) {
      const row = rows.get(name);
      if (row === undefined) {
        const readOnly = isReadOnly(audit);
        rows.set(name, {
          name,
          class: audit.class,
          readOnly,
          raisedBy: [method],
          about: undefined,
        });
      } else row.raisedBy.push(method);
    }
  }
  const own = Object.entries(SERVER_EVENTS).map(([name, { class: eventClass, about }]) => {
    return { name, class: eventClass, readOnly: false, raisedBy: [], ...rows.get(name), about };
  });
  const calls = [...rows.values()].filter(({ name }) => !Object.hasOwn(SERVER_EVENTS, name));
  return [...calls, ...own];
}

/** The same for the selection of events. A refused call keeps whether it would have changed anything. */
export function callEventKinds(): EventKind[] {
  return catalogueRows().map(({ name, class: eventClass, readOnly }) => {
    const isRefusal = name === 'auth.rejected' || name === 'authz.denied';
    return { name, class: eventClass, readOnly: isRefusal ? undefined : readOnly };
  });
}
