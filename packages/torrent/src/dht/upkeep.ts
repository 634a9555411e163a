/** Keeps the table full and true: first nodes, looking around, asking the silent whether they are still there. */
import type { Contact, NodeAddress } from './contact.ts';
import { endpointKey } from './contact.ts';
import type { Answer } from './krpc.ts';
import type { Asker } from './questions.ts';
import type { RoutingTable } from './routing-table.ts';
import type { Searches } from './searches.ts';

export interface UpkeepParts {
  readonly table: () => RoutingTable;
  readonly searches: Searches;
  readonly random: (length: number) => Uint8Array;
  /** A question to it is open. */
  readonly asked: (address: NodeAddress) => boolean;
  readonly ask: (to: NodeAddress, method: 'ping' | 'find_node', asker: Asker, now: number) => void;
  /** Looks around at `target`, which may be the own id. */
  readonly lookAround: (target: Uint8Array, finished: (answered: number, now: number) => void) => boolean;
  /** The first look around oneself has ended: announces find their way. */
  readonly ready: (now: number) => void;
}

/** How often there is a look at what is due, ms. */
const EVERY = 5000;
const FIRST_RETRY = 5000;
const LONGEST_RETRY = 300_000;
/** First nodes that are asked at once. */
const AT_ONCE = 16;
/** Nodes that were heard of and not asked yet. */
const MOST_SUGGESTED = 32;

export class Upkeep {
  readonly #parts: UpkeepParts;
  /** First nodes that stay, and those of an earlier run, which are asked once. */
  readonly #first = new Map<string, NodeAddress>();
  #once: NodeAddress[] = [];
  #suggested: Contact[] = [];
  #dueAt: number;
  #bootstrapAt: number;
  #retry = FIRST_RETRY;
  #lookedAround = false;
  #ready = false;

  constructor(parts: UpkeepParts, now: number) {
    this.#parts = parts;
    this.#dueAt = now;
    this.#bootstrapAt = now;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Nodes to begin with. @param keep ask again whenever nobody is known */
  bootstrap(addresses: readonly NodeAddress[], keep: boolean, now: number): void {
    if (keep) for (const address of addresses) this.#first.set(endpointKey(address), address);
    else this.#once.push(...addresses);
    this.#retry = FIRST_RETRY;
    this.#bootstrapAt = now;
    this.#dueAt = now;
  }

  /** Somebody is said to be there, or asked something: it is asked itself, where the table has room. */
  suggest(contact: Contact): void {
    if (this.#suggested.length >= MOST_SUGGESTED || !this.#parts.table().wants(contact)) return;
    // Whoever asks in another's name must not have that one asked again and again.
    if (this.#parts.asked(contact)) return;
    const key = endpointKey(contact);
    if (!this.#suggested.some((known) => endpointKey(known) === key)) this.#suggested.push(contact);
  }

  /** The table has nodes, or another id: look around. */
  lookAround(now: number): void {
    if (this.#lookedAround) return;
    const { id } = this.#parts.table();
    this.#lookedAround = this.#parts.lookAround(id, (answered, at) => {
      if (answered === 0) {
        this.#lookedAround = false;
        this.#dueAt = Math.min(this.#dueAt, at + EVERY);
      } else if (!this.#ready) {
        this.#ready = true;
        this.#parts.ready(at);
      }
    });
    if (!this.#lookedAround) this.#dueAt = Math.min(this.#dueAt, now + EVERY);
  }

  /** The own id changed: others stand around it. */
  moved(now: number): void {
    this.#lookedAround = false;
    this.lookAround(now);
  }

  /** Asks those who were suggested, as far as the rate allows. */
  askSuggested(now: number): void {
    while (this.#suggested.length > 0 && this.#parts.searches.mayAsk(now)) {
      const contact = this.#suggested.shift();
      if (contact !== undefined && this.#parts.table().wants(contact)) this.#parts.ask(contact, 'ping', NOBODY, now);
    }
  }

  tick(now: number): void {
    this.askSuggested(now);
    if (now < this.#dueAt) return;
    this.#dueAt = now + EVERY;
    const table = this.#parts.table();
    if (table.size === 0) {
      this.#lookedAround = false;
      this.#ready = false;
    } else this.lookAround(now);
    if (now >= this.#bootstrapAt && (this.#once.length > 0 || table.size === 0)) this.#askFirst(now);
    const stalest = table.stalest(now);
    if (stalest !== undefined && this.#parts.searches.mayAsk(now)) {
      // Asked even without an answer it goes to the end of the line.
      stalest.seen = Math.max(stalest.seen, now - EVERY);
      this.#parts.ask(stalest.contact, 'ping', NOBODY, now);
    }
    const target = this.#parts.searches.room ? table.refreshTarget(now, this.#parts.random) : undefined;
    if (target !== undefined) this.#parts.lookAround(target, () => undefined);
  }

  nextWake(now: number): number {
    return this.#suggested.length > 0 ? Math.min(this.#dueAt, now + EVERY / 50) : this.#dueAt;
  }

  #askFirst(now: number): void {
    const saved = this.#once.splice(0, AT_ONCE);
    const some = saved.length > 0 ? saved : [...this.#first.values()].slice(0, AT_ONCE);
    for (const address of some) {
      if (!this.#parts.searches.mayAsk(now)) break;
      this.#parts.ask(
        address,
        'find_node',
        { answered: (answer) => this.#heard(answer), failed: () => undefined },
        now,
      );
    }
    if (saved.length > 0) return;
    this.#bootstrapAt = now + this.#retry;
    this.#retry = Math.min(2 * this.#retry, LONGEST_RETRY);
  }

  #heard(_answer: Answer): void {
    this.#retry = FIRST_RETRY;
  }
}

const NOBODY: Asker = { answered: () => undefined, failed: () => undefined };
