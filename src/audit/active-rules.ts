import { sha256 } from '../base/sha256.js';
import { AuditError } from './errors.js';
import type { EventData } from './event.js';
import type { ChangeOrigin } from './options.js';
import { filterText } from './rules.js';
import { type EventKind, EventSelection, type SelectionRules } from './selection.js';

export interface ActiveRulesOptions {
  readonly rules: SelectionRules;
  readonly kinds: readonly EventKind[];
  /** True refuses every change. */
  readonly locked: boolean;
  /** Resolves when the event is on disk. */
  say(name: string, data: EventData, more: { readonly user?: string | undefined }): Promise<void>;
}

export const LOCKED = 'the audit settings are locked until the next start (--audit-lock)';

/** What selects events now. */
export class ActiveRules {
  readonly #options: ActiveRulesOptions;
  #selection: EventSelection;
  #changing: Promise<void> = Promise.resolve();

  constructor(options: ActiveRulesOptions) {
    this.#options = options;
    this.#selection = new EventSelection(options.rules, options.kinds);
  }

  get selection(): EventSelection {
    return this.#selection;
  }

  /** What the first line of a file says of them. */
  digest(): EventData {
    const { rules } = this.#selection;
    const hash = sha256(Buffer.from(filterText(rules))).toString('hex');
    return { events: rules.preset, filter_hash: hash };
  }

  /**
   * Other rules from now on. The event that says so is on disk under the old ones first.
   * @throws AuditError locked, suspended
   */
  change(rules: SelectionRules, origin: ChangeOrigin): Promise<void> {
    const changed = this.#changing.then(() => this.#change(rules, origin));
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  async #change(rules: SelectionRules, { origin, user }: ChangeOrigin): Promise<void> {
    const { locked, kinds, say } = this.#options;
    if (locked) {
      throw new AuditError('locked', LOCKED);
    }
    const old = this.#selection.rules;
    const [before, after] = [filterText(old), filterText(rules)];
    if (old.preset === rules.preset && before === after) return;
    const changes = old.preset === rules.preset ? {} : { events: [old.preset, rules.preset] };
    const data = { changes, filter_new: after, filter_old: before, origin };
    await say('audit.config_changed', data, { user });
    this.#selection = new EventSelection(rules, kinds);
  }
}
