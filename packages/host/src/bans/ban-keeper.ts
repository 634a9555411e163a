/**
 * Bans whoever fails to log in too often: lines come from logs, the `Jail` counts, the firewall's sets hold the result.
 * Bans are on disk before they are in the sets, and put back whenever somebody makes the table anew. Nothing but these
 * two sets is touched: fail2ban and its like may run beside it.
 */
import {
  type Address,
  addressBytes,
  addressFrom,
  KithError,
  parsePrefix,
  prefixContains,
  prefixParts,
} from '@kith/core';
import { type Ban, type Bans, failedLogin, Jail, LOGIN_PATTERNS, type LoginPattern, targetOf } from '@kith/gateway';
import { BanBook, type KeptBan } from './ban-book.ts';
import { type BanChange, banSetsId, changeBanSets, fillBanSets } from './ban-sets.ts';
import { type LoginSource, loginSources } from './login-source.ts';

export interface BanKeeperOptions {
  readonly settings: Bans;
  /** File that bans are kept in, in the state folder. */
  readonly book: string;
  /** The host's own logs when not given. */
  readonly sources?: readonly LoginSource[];
  readonly patterns?: readonly LoginPattern[];
  /** Told what happens, one line each, for the keeper's log. */
  readonly tell?: (text: string) => void;
  /** Wall clock, ms since 1970. */
  readonly clock?: () => number;
  /** Milliseconds in which bans are gathered before they are written together. */
  readonly gather?: number;
  /** Milliseconds between two looks whether the table is still the same. */
  readonly check?: number;
}

/** Whoever bans these cuts the host off from itself, or everybody on the same wire from it. */
const NEVER = ['127.0.0.0/8', '::1/128', 'fe80::/10'].map(parsePrefix);
/** IPv4 addresses as sockets of IPv6 show them, RFC 4291 section 2.5.5.2. */
const MAPPED = parsePrefix('::ffff:0:0/96');
/** A year: what shall last longer belongs into a firewall of its own. */
const LONGEST = 31_536_000;
/** More changes than these are quicker made by filling the sets anew: nft's time for deleting prefixes grows with the square. */
const MANY = 200;

export class BanKeeper {
  readonly #settings: Bans;
  readonly #jail: Jail;
  readonly #book: BanBook;
  readonly #patterns: readonly LoginPattern[];
  readonly #sources: readonly LoginSource[];
  readonly #tell: (text: string) => void;
  readonly #clock: () => number;
  readonly #gather: number;
  readonly #check: number;
  readonly #reasons = new Map<string, string>();
  readonly #listeners = new Set<(ban: KeptBan) => void>();
  /** What is not written yet: a ban, or null for one that is lifted. */
  #pending = new Map<Ban['target'], KeptBan | null>();
  #gathering: NodeJS.Timeout | null = null;
  #checking: NodeJS.Timeout | undefined;
  /** Writes wait for one another. */
  #turn: Promise<void> = Promise.resolve();
  #setsId: string | null = null;
  #complete = false;
  /** What was told last: the same once more says nothing new. */
  #fault = '';

  constructor(options: BanKeeperOptions) {
    this.#settings = options.settings;
    this.#jail = new Jail(options.settings);
    this.#patterns = options.patterns ?? LOGIN_PATTERNS;
    this.#sources = options.sources ?? loginSources(servicesOf(this.#patterns));
    this.#tell = options.tell ?? (() => undefined);
    this.#clock = options.clock ?? Date.now;
    this.#gather = options.gather ?? 100;
    this.#check = options.check ?? 10_000;
    this.#book = new BanBook(options.book, this.#tell);
  }

  /** Brings back what was banned, and listens to the logs from now on. */
  async start(): Promise<void> {
    for (const { reason, ...ban } of this.#book.load(this.#clock())) {
      if (this.#isAllowed(prefixParts(ban.target).address)) continue;
      this.#jail.restore(ban);
      this.#reasons.set(ban.target, reason);
    }
    await this.refill();
    for (const source of this.#sources) {
      source.start(({ service, text }) => {
        const address = failedLogin(service, text, this.#patterns);
        if (address !== null) this.fail(address, service);
      });
    }
    this.#checking = setInterval(() => void this.refill(), this.#check);
  }

  /** Writes what is not written yet. The sets stay as they are. */
  async stop(): Promise<void> {
    for (const source of this.#sources) source.stop();
    clearInterval(this.#checking);
    await this.#write();
    this.#book.close();
  }

  /** Whether the firewall holds what {@link list} tells; not so while the table is missing. */
  get inForce(): boolean {
    return this.#complete;
  }

  /** Counts a failed login that no log tells of. */
  fail(address: Address, service: string): void {
    const who = unmapped(address);
    if (this.#isAllowed(who)) return;
    const ban = this.#jail.fail(who, this.#clock());
    if (ban !== null) this.#keep(ban, service);
  }

  /**
   * Bans at an operator's word; resolves when it is in force, or, while there is no table, kept.
   *
   * @param seconds for how long, a year at most; null: as the settings say
   * @throws KithError BAN_REFUSED
   */
  async ban(address: Address, seconds: number | null = null, reason: string = 'by hand'): Promise<KeptBan> {
    const who = unmapped(address);
    if (this.#isAllowed(who)) throw new KithError('BAN_REFUSED', `${address} is among those who are never banned`);
    const ban = this.#jail.ban(who, Math.min(LONGEST, seconds ?? this.#settings.time), this.#clock());
    if (ban === null)
      throw new KithError('BAN_REFUSED', `${address} cannot be banned: the list has no room for another one`);
    const kept = this.#keep(ban, reason);
    await this.#write();
    return kept;
  }

  /** Lifts a ban at once. False where there was none. */
  async unban(address: Address): Promise<boolean> {
    const target = targetOf(unmapped(address));
    if (!this.#jail.lift(unmapped(address))) return false;
    this.#reasons.delete(target);
    this.#pending.set(target, null);
    this.#tell(`${target} is no longer banned`);
    await this.#write();
    return true;
  }

  /** Bans that last, the latest first. */
  list(): KeptBan[] {
    return this.#jail.bans(this.#clock()).map((ban) => ({ ...ban, reason: this.#reasonOf(ban) }));
  }

  /** Told each new ban. @returns what ends that */
  onBan(listener: (ban: KeptBan) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Puts everybody who is banned into the sets where somebody made them anew; to be called after an apply. */
  refill(): Promise<void> {
    return this.#inTurn(async () => {
      this.#forgetReasons();
      await this.#bring([]);
    });
  }

  #isAllowed(address: Address): boolean {
    return [...NEVER, ...this.#settings.allow].some((prefix) => prefixContains(prefix, address));
  }

  #keep(ban: Ban, reason: string): KeptBan {
    const kept = { ...ban, reason };
    this.#reasons.set(ban.target, reason);
    this.#pending.set(ban.target, kept);
    this.#gathering ??= setTimeout(() => void this.#write(), this.#gather);
    this.#tell(`${ban.target} is banned for ${Math.round((ban.until - ban.since) / 1000)} s (${reason})`);
    for (const listener of this.#listeners) listener(kept);
    return kept;
  }

  async #write(): Promise<void> {
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#gathering = null;
    await this.#inTurn(async () => {
      const pending = this.#pending;
      if (pending.size === 0) return;
      this.#pending = new Map();
      this.#remember(pending, this.#clock());
      await this.#bring([...pending].map(([target, ban]) => [target, ban?.until ?? null]));
    });
    // Made anew in that very moment.
    if (this.#setsId !== null && !this.#complete) await this.refill();
  }

  /** Brings changes into the sets; everything, where these are not the ones that were filled. */
  async #bring(changes: readonly BanChange[]): Promise<void> {
    const id = await banSetsId();
    const known = id === this.#setsId && this.#complete;
    this.#setsId = id;
    this.#complete = false;
    // Without a table bans are in the jail and in the book; the table that comes gets all of them.
    if (id === null) return;
    const now = this.#clock();
    if (!known || changes.length > MANY) await fillBanSets(this.#jail.bans(now), now);
    else if (changes.length > 0) await changeBanSets(changes, now);
    this.#complete = true;
  }

  #remember(pending: ReadonlyMap<Ban['target'], KeptBan | null>, now: number): void {
    try {
      const lifted = [...pending].flatMap(([target, ban]) => (ban === null ? [target] : []));
      this.#book.write(
        [...pending.values()].filter((ban) => ban !== null),
        lifted,
        now,
      );
    } catch (error) {
      // A full disk is no reason to let anybody in.
      this.#tell(`bans are not kept for the next start: ${textOf(error)}`);
    }
  }

  /** What fails is told and mended by the next look at the table. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).then(
      () => void (this.#fault = ''),
      (error: unknown) => {
        this.#complete = false;
        const fault = textOf(error);
        if (fault !== this.#fault) this.#tell(`bans are not in force: ${fault}`);
        this.#fault = fault;
      },
    );
    return this.#turn;
  }

  #reasonOf({ target }: Ban): string {
    return this.#reasons.get(target) ?? '';
  }

  #forgetReasons(): void {
    const lasting = new Set<string>(this.#jail.bans(this.#clock()).map(({ target }) => target));
    for (const target of this.#reasons.keys()) if (!lasting.has(target)) this.#reasons.delete(target);
  }
}

function servicesOf(patterns: readonly LoginPattern[]): string[] {
  // As `failedLogin` knows it, sshd has had a second name since OpenSSH 9.8.
  return [...new Set(patterns.flatMap(({ service }) => (service === 'sshd' ? [service, 'sshd-session'] : [service])))];
}

function unmapped(address: Address): Address {
  return prefixContains(MAPPED, address) ? addressFrom(addressBytes(address).subarray(12)) : address;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
