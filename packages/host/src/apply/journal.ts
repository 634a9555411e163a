/** The record of what kith made or changed on this host. It is on disk before the host is changed. */
import type { ItemKey, Owned } from '@kith/gateway';
import { holdingsOf, type InForce, inForceOf, textsOf } from './ownership.ts';
import { fieldsOf, RecordFile } from './record.ts';

export interface JournalState {
  readonly owned: ReadonlyMap<ItemKey, Owned>;
  /** What `nft -f` was given for the tables that are owned, by digest. */
  readonly rulesets: Readonly<Record<string, string>>;
  /** What the kernel changes by itself when forwarding is switched, as it was before kith: sysctl → value. */
  readonly aside: Readonly<Record<string, string>>;
  /** Null on a host that is no gateway. */
  readonly inForce: InForce | null;
  /** The topmost of the folders that were made for kith's state; null where it was there. */
  readonly made: string | null;
}

const NOTHING_OWNED: JournalState = { owned: new Map(), rulesets: {}, aside: {}, inForce: null, made: null };

export class Journal {
  readonly #file: RecordFile<JournalState>;
  readonly #onWrite: (state: 'begin' | 'done') => void;
  #state: JournalState | null = null;

  constructor(path: string, onWrite: (state: 'begin' | 'done') => void = () => {}) {
    this.#file = new RecordFile(path, 'kith gateway journal', parse);
    this.#onWrite = onWrite;
  }

  /** @throws KithError GATEWAY_RECORD_CORRUPT */
  get state(): JournalState {
    this.#state ??= this.#file.read() ?? NOTHING_OWNED;
    return this.#state;
  }

  /** On disk when it returns. Nothing owned and nothing in force is no file at all. */
  write(change: Partial<JournalState>): void {
    const state = { ...this.state, ...change };
    this.#onWrite('begin');
    if (state.owned.size === 0 && state.inForce === null && Object.keys(state.aside).length === 0) this.#file.remove();
    else this.#file.write({ ...state, owned: [...state.owned] });
    this.#state = state;
    this.#onWrite('done');
  }
}

function parse(body: unknown): JournalState | null {
  const fields = fieldsOf(body);
  if (fields === null) return null;
  const owned = holdingsOf(fields['owned']);
  const [rulesets, aside] = [textsOf(fields['rulesets']), textsOf(fields['aside'])];
  const { made } = fields;
  const inForce = inForceOf(fields['inForce']);
  if (owned === null || rulesets === null || aside === null || inForce === undefined) return null;
  if (made !== null && typeof made !== 'string') return null;
  return { owned: new Map(owned), rulesets, aside, inForce, made };
}
