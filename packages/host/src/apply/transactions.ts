/**
 * Changes a host from one state to another, wholly or not at all. Before the first change a transaction is on disk that
 * holds what was; it goes when the change is confirmed, or when everything is taken back. Whoever finds one that nobody
 * works on takes it back: by a plan toward what was, against the host as it is now.
 */
import { join } from 'node:path';
import { KithError } from '@kith/core';
import {
  asBefore,
  type Desired,
  type ItemKey,
  keyOf,
  NOTHING,
  type Observed,
  type Owned,
  type Plan,
  planFor,
} from '@kith/gateway';
import { observe } from '../observe/observe.ts';
import type { Daemons } from '../supervisor/daemons.ts';
import { bootId } from '../supervisor/process-table.ts';
import { check } from './checks.ts';
import { Journal } from './journal.ts';
import { outwait } from './left-behind.ts';
import { takeLock } from './lock.ts';
import type { InForce } from './ownership.ts';
import { ChangeError, messageOf, perform } from './perform.ts';
import type { Tell } from './progress.ts';
import type { RecordFile } from './record.ts';
import { hasCopies, makeFolder, sweep, sweepCopies } from './sweep.ts';
import { type Phase, sinceBoot, timeLeft, type Transaction, transactionFile } from './transaction.ts';

export interface TransactionsOptions {
  readonly folders: { readonly state: string; readonly run: string };
  readonly daemons: Daemons;
  readonly tell?: Tell;
}

export interface Order {
  readonly desired: Desired;
  /** Where it comes from; null for a host that shall be no gateway. */
  readonly inForce: InForce | null;
  /** Milliseconds within which somebody has to confirm it; without, it is in force at once. */
  readonly confirmWithin?: number;
  /** Between two changes everything is taken back. */
  readonly signal?: AbortSignal;
}

export interface Applied {
  readonly plan: Plan;
  /** Milliseconds that are left to confirm it; null when there is nothing to confirm. */
  readonly confirmWithin: number | null;
}

export interface Pending {
  readonly phase: Phase;
  /** Milliseconds; null while nobody is asked to confirm. */
  readonly left: number | null;
}

/** `busy`: somebody works on it. `waiting`: it has time left. */
export type Recovery = 'nothing' | 'busy' | 'waiting' | 'reverted';

export class Transactions {
  readonly #folders: TransactionsOptions['folders'];
  readonly #daemons: Daemons;
  readonly #tell: Tell;
  readonly #file: RecordFile<Transaction>;

  constructor({ folders, daemons, tell = () => {} }: TransactionsOptions) {
    this.#folders = folders;
    this.#daemons = daemons;
    this.#tell = tell;
    this.#file = transactionFile(join(folders.state, 'transaction.json'));
  }

  /** What kith made or changed. @throws KithError GATEWAY_RECORD_CORRUPT, as everything here */
  owned(): ReadonlyMap<ItemKey, Owned> {
    return this.#journal().state.owned;
  }

  /** The file that was confirmed last; null on a host that is no gateway. */
  inForce(): InForce | null {
    return this.#journal().state.inForce;
  }

  /** The change that is not settled; null when there is none. */
  pending(): Pending | null {
    const transaction = this.#file.read();
    return transaction === null ? null : { phase: transaction.phase, left: timeLeft(transaction) };
  }

  observe(desired: Desired): Promise<Observed> {
    return observe(desired, this.owned(), this.#daemons);
  }

  /** What would be done; changes nothing. */
  async plan(desired: Desired): Promise<Plan> {
    return planFor(desired, await this.observe(desired));
  }

  /**
   * Brings the host to what is desired. What somebody left half done is taken back first.
   *
   * @throws KithError GATEWAY_BUSY, GATEWAY_UNCONFIRMED, GATEWAY_CHECK_FAILED, GATEWAY_IN_THE_WAY before anything is
   *   changed; GATEWAY_APPLY_FAILED when everything was taken back, GATEWAY_ROLLBACK_FAILED when not; besides those of
   *   {@link observe}
   */
  apply(order: Order): Promise<Applied> {
    return this.#alone(async () => {
      await this.#settle();
      const made = makeFolder(this.#folders.state);
      const journal = this.#journal();
      try {
        return await this.#change(order, journal, journal.state.made ?? made);
      } finally {
        this.#sweep(journal, made);
      }
    });
  }

  /** Takes everything of kith's off the host; throws as {@link apply} does. */
  remove(options: Omit<Order, 'desired' | 'inForce'> = {}): Promise<Applied> {
    return this.apply({ ...options, desired: NOTHING, inForce: null });
  }

  /** Keeps what waits for it. @throws KithError GATEWAY_NOT_PENDING, GATEWAY_BUSY */
  confirm(): Promise<void> {
    return this.#alone(async () => {
      const transaction = this.#file.read();
      if (transaction?.phase !== 'waiting') throw nothingWaits();
      if (timeLeft(transaction) === 0) {
        throw new KithError('GATEWAY_NOT_PENDING', 'the time to confirm is over: the change is taken back');
      }
      this.#commit(this.#journal(), transaction);
    });
  }

  /** Takes back what waits to be confirmed, or was left half done. @throws KithError GATEWAY_NOT_PENDING, GATEWAY_BUSY, GATEWAY_ROLLBACK_FAILED */
  revert(): Promise<void> {
    return this.#alone(async () => {
      const transaction = this.#file.read();
      if (transaction === null) throw nothingWaits();
      await this.#takeBack(transaction, 'it was asked for');
    });
  }

  /**
   * Takes back what nobody works on and nobody confirmed in time. For whoever watches, every second or so.
   *
   * @throws KithError GATEWAY_ROLLBACK_FAILED: the next call tries again what is left
   */
  async recover(): Promise<Recovery> {
    const left = timeLeftOf(this.#file.read());
    if (left === undefined && !hasCopies(this.#folders.state)) return 'nothing';
    if (typeof left === 'number' && left > 0) return 'waiting';
    try {
      return await this.#alone(async () => {
        const transaction = this.#file.read();
        if (transaction === null) {
          sweepCopies(this.#folders.state);
          return 'nothing';
        }
        const still = timeLeft(transaction);
        if (still !== null && still > 0) return 'waiting';
        await this.#takeBack(transaction, reasonOf(transaction));
        return 'reverted';
      });
    } catch (error) {
      if (error instanceof KithError && error.code === 'GATEWAY_BUSY') return 'busy';
      throw error;
    }
  }

  #journal(): Journal {
    return new Journal(join(this.#folders.state, 'journal.json'), (state) => this.#tell({ step: 'record', state }));
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const lock = takeLock(join(this.#folders.run, 'apply.lock'));
    if (lock === null)
      throw new KithError('GATEWAY_BUSY', `another kith changes the gateway in ${this.#folders.state}`);
    try {
      return await work();
    } finally {
      lock.release();
    }
  }

  /** With the lock in hands nobody is at work on what is found. */
  async #settle(): Promise<void> {
    sweepCopies(this.#folders.state);
    const transaction = this.#file.read();
    if (transaction === null) return;
    const left = timeLeft(transaction);
    if (left !== null && left > 0) {
      throw new KithError(
        'GATEWAY_UNCONFIRMED',
        `the last change waits ${Math.ceil(left / 1000)} s longer to be confirmed: say whether it stays`,
      );
    }
    await this.#takeBack(transaction, reasonOf(transaction));
  }

  async #change(order: Order, journal: Journal, made: string | null): Promise<Applied> {
    const { desired, inForce, confirmWithin, signal } = order;
    const { owned, inForce: old } = journal.state;
    const observed = await observe(desired, owned, this.#daemons);
    const plan = planFor(desired, observed);
    if (plan.changes.length === 0) {
      const kept = new Map([...owned].filter(([key]) => !plan.forgotten.includes(key)));
      if (kept.size < owned.size || JSON.stringify(old) !== JSON.stringify(inForce)) {
        journal.write({ owned: kept, inForce });
      }
      return { plan, confirmWithin: null };
    }
    await check(plan, desired, this.#folders.state, (what) => this.#tell({ step: 'check', what }));
    const rulesets = inUse(journal.state.rulesets, observed);
    const transaction: Transaction = {
      phase: 'applying',
      boot: bootId(),
      worker: process.pid,
      confirmBy: null,
      before: {
        owned: [...owned],
        found: [...owned.keys()].flatMap((key) => observed.found.get(key) ?? []),
        rulesets,
        inForce: old,
      },
      next: inForce,
    };
    this.#record(transaction);
    journal.write({ rulesets, made });
    await this.#performOrTakeBack(plan, journal, transaction, signal);
    if (confirmWithin === undefined) {
      this.#commit(journal, transaction);
      return { plan, confirmWithin: null };
    }
    this.#record({ ...transaction, phase: 'waiting', confirmBy: sinceBoot() + confirmWithin });
    return { plan, confirmWithin };
  }

  async #performOrTakeBack(
    plan: Plan,
    journal: Journal,
    transaction: Transaction,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const own = { journal, means: this.#means(), tell: this.#tell, reverting: false };
      await perform(plan, signal === undefined ? own : { ...own, signal });
    } catch (error) {
      const what = error instanceof ChangeError ? `"${error.change.key}"` : 'the record of changes';
      const why = `${what} failed: ${messageOf(error)}`;
      try {
        await this.#takeBack(transaction, why);
      } catch (second) {
        throw new KithError('GATEWAY_ROLLBACK_FAILED', `${why}; then ${messageOf(second)}`, { cause: error });
      }
      throw new KithError('GATEWAY_APPLY_FAILED', `${why}; everything was taken back`, { cause: error });
    }
  }

  async #takeBack(transaction: Transaction, why: string): Promise<void> {
    await outwait(transaction.worker);
    this.#record({ ...transaction, phase: 'reverting', worker: process.pid });
    this.#tell({ step: 'revert', why });
    const { before } = transaction;
    const owned = new Map(before.owned);
    const found = new Map(before.found.map((item) => [keyOf(item), item]));
    const journal = this.#journal();
    const now = await observe(asBefore({ found, owned }, before.rulesets), journal.state.owned, this.#daemons);
    // An interface that was pulled out of the machine is nothing that a plan could bring back.
    for (const [key, item] of found)
      if (item.kind === 'link' && item.value.type === 'adopted' && !now.found.has(key)) found.delete(key);
    const plan = planFor(asBefore({ found, owned }, before.rulesets), now);
    const left = await perform(plan, { journal, means: this.#means(), tell: this.#tell, reverting: true });
    if (left.length > 0) {
      const keys = left.map(({ key }) => `"${key}"`).join(', ');
      throw new KithError('GATEWAY_ROLLBACK_FAILED', `not taken back: ${keys}`);
    }
    const made = journal.state.made;
    // Settings that cannot be taken away were struck from the journal and are there all the same.
    const kept = before.owned.filter(([key]) => found.has(key) || journal.state.owned.has(key));
    journal.write({ owned: new Map(kept), rulesets: before.rulesets, inForce: before.inForce });
    this.#file.remove();
    this.#sweep(journal, made);
  }

  #commit(journal: Journal, { next }: Transaction): void {
    const made = journal.state.made;
    journal.write({ inForce: next });
    this.#file.remove();
    this.#sweep(journal, made);
  }

  #means(): { readonly state: string; readonly daemons: Daemons } {
    return { state: this.#folders.state, daemons: this.#daemons };
  }

  #record(transaction: Transaction): void {
    this.#tell({ step: 'record', state: 'begin' });
    this.#file.write(transaction);
    this.#tell({ step: 'record', state: 'done' });
  }

  /** On a host that is no gateway nothing of it is left but keys. */
  #sweep(journal: Journal, made: string | null): void {
    const { owned, inForce } = journal.state;
    if (owned.size === 0 && inForce === null && this.#file.read() === null) sweep(this.#folders.state, made);
  }
}

/** Undefined where there is no transaction. */
function timeLeftOf(transaction: Transaction | null): number | null | undefined {
  return transaction === null ? undefined : timeLeft(transaction);
}

function reasonOf({ phase, boot }: Transaction): string {
  if (boot !== bootId()) return 'the machine was started anew before the change was confirmed';
  return phase === 'waiting' ? 'nobody confirmed it in time' : 'whoever made the change ended in the middle of it';
}

function nothingWaits(): KithError {
  return new KithError('GATEWAY_NOT_PENDING', 'no change waits to be confirmed or taken back');
}

/** The texts of the tables that are there. */
function inUse(rulesets: Readonly<Record<string, string>>, { found }: Observed): Record<string, string> {
  const digests = new Set([...found.values()].flatMap((item) => (item.kind === 'table' ? item.value.digest : [])));
  return Object.fromEntries(Object.entries(rulesets).filter(([digest]) => digests.has(digest)));
}
