/**
 * How what one member knows reaches all: new statements and presences are pushed to neighbours at once, in batches; what
 * a push missed is found by comparing fingerprints (trie.ts) with each neighbour from time to time. Every record is
 * checked before it is kept or passed on, and each peer has a budget for what its records may cost.
 */
import type { NodeId } from '@kith/core';
import type { Context } from './context.ts';
import { LEDGER_SET, PRESENCE_SET } from './control.ts';
import type { Control, DigestItem, PresenceItem, SetId } from './control.ts';
import type { Peer } from './peer.ts';
import { statementHash } from './ledger/statement.ts';
import { PLANE_LIMITS } from './plane.ts';
import { MerkleTrie } from './trie.ts';
import type { Fingerprint } from './trie.ts';

/** Times in ms. */
const PUSH_DELAY = 80;
/** Between two comparisons with one peer while they bear fruit, and at most while they do not. */
const RECONCILE_BUSY = 200;
const RECONCILE_SLOW = 2500;
/** A subset of at most this many entries is listed instead of cut further. */
const LIST_LIMIT = 32;
/** After so many pushed records a link is judged: if this share was old news, the peer is asked to keep still. */
const JUDGED = 24;
const OLD_SHARE = 0.7;
/** Entries of one answer to a `have` or `want`; the next round asks for the rest. */
const GIFTS = 64;
/** Items of one digest message: at their longest, with all digits of a key, they fit one. */
const DIGEST_ITEMS = 44;
/** What comparing costs of the budget that each record given costs 1 of; at most. */
const LOOK_COST = 0.1;
const MOST_COST = 100;
const MAX_OUTBOX = 4096;
/** Bytes that an item of a presence message adds to its record. */
const PRESENCE_HEAD = 18;

export interface GossipEvents {
  /** A presence that was new to this node. */
  presence(id: NodeId, now: number): void;
  /** A statement that was new to the ledger, already durable. */
  statement(now: number): void;
}

export class Gossip {
  readonly #context: Context;
  readonly #events: GossipEvents;
  readonly #ledgerTrie: MerkleTrie;
  /** Statement hashes by their key in the set, in the order they came: causes before effects. */
  readonly #hashes = new Map<string, { readonly hash: string; readonly at: number }>();
  #arrivals = 0;
  /** The child prefix that an answer begins with: whoever gets only a part of it gets another part next time. */
  #firstChild = 0;
  readonly #freshPresences = new Map<NodeId, Peer | null>();
  readonly #freshStatements = new Map<string, Peer | null>();
  #pushAt: number | null = null;
  /** Who handed in the statement that is being added, and when. */
  #source: { readonly from: Peer | null; readonly now: number } | null = null;

  constructor(context: Context, events: GossipEvents) {
    this.#context = context;
    this.#events = events;
    this.#ledgerTrie = new MerkleTrie((data) => context.init.crypto.sha256(data), 16);
    for (const hash of context.ledger.hashes()) this.#index(hash);
    context.ledger.onAdded = (hash, bytes) => this.#statementCame(hash, bytes);
  }

  ledgerFingerprint(): string {
    return this.#ledgerTrie.fingerprint();
  }

  wakeAt(): number | null {
    return this.#pushAt;
  }

  /** Puts a statement into the ledger; durable when it returns. Null, or why the ledger refused it. */
  addStatement(bytes: Uint8Array, from: Peer | null, now: number): string | null {
    this.#source = { from, now };
    const result = this.#context.ledger.add(bytes);
    this.#source = null;
    return result.kind === 'refused' ? result.reason : null;
  }

  /** A presence record, own or from another; pushed on if it was news. */
  addPresence(item: PresenceItem, from: Peer | null, now: number): boolean {
    if (this.#context.presences.accept(item, now) !== 'new') return false;
    if (this.#freshPresences.size < MAX_OUTBOX) this.#freshPresences.set(item.id, from);
    this.#pushAt ??= now + PUSH_DELAY;
    this.#events.presence(item.id, now);
    return true;
  }

  /** Sends what is new to everybody who should hear it. */
  tick(now: number): void {
    if (this.#pushAt === null || now < this.#pushAt) return;
    this.#pushAt = null;
    const statements = [...this.#freshStatements];
    const presences = [...this.#freshPresences];
    this.#freshStatements.clear();
    this.#freshPresences.clear();
    // Statements go to everybody with a session: a revocation must cut active paths now, not a gossip round later.
    for (const peer of this.#context.met()) {
      const mine = statements.filter(([, from]) => from !== peer).map(([hash]) => hash);
      if (mine.length > 0) this.#giveStatements(peer, mine, now);
    }
    for (const peer of this.#context.neighbours(now)) {
      if (!isPartner(peer, now)) continue;
      const all = presences.filter(([, from]) => from !== peer);
      // One's own record goes to everybody: nobody else can bring it first.
      const mine = (peer.theyAreLazy ? all.filter(([id]) => id === this.#context.self) : all).map(([id]) => id);
      if (mine.length > 0) this.#givePresences(peer, mine, now);
    }
  }

  /** Called for each met peer now and then, and when its fingerprints came in. */
  reconcile(peer: Peer, now: number): void {
    this.#compare(peer, LEDGER_SET, peer.ledger, now);
    if (!peer.isMember || !isPartner(peer, now)) return;
    this.#compare(peer, PRESENCE_SET, peer.presence, now);
  }

  /** Messages of the kinds that carry or compare records. */
  handle(peer: Peer, message: Control, now: number): void {
    switch (message.kind) {
      case 'presence':
        if (peer.isMember) this.#takePresences(peer, message.items, now);
        return;
      case 'statements':
        this.#takeStatements(peer, message.statements, now);
        return;
      case 'digest':
        if (this.#mayRead(peer, message.set)) this.#answerDigest(peer, message.set, message.items, now);
        return;
      case 'have':
        if (this.#mayRead(peer, message.set)) this.#answerHave(peer, message, now);
        return;
      case 'want':
        if (this.#mayRead(peer, message.set)) this.#give(peer, message.set, message.keys, now);
        return;
      default:
    }
  }

  /** A statement came in, perhaps one that had waited for the one just added. */
  #statementCame(hash: string, bytes: Uint8Array): void {
    this.#context.init.events.statement(bytes);
    this.#index(hash);
    this.#dropDisplaced();
    const now = this.#source?.now ?? 0;
    if (this.#freshStatements.size < MAX_OUTBOX) this.#freshStatements.set(hash, this.#source?.from ?? null);
    this.#pushAt = Math.min(this.#pushAt ?? now, now); // statements may be revocations: they do not wait
    this.#events.statement(now);
  }

  /** The ledger lets a join push out a later one of the same invite; what it forgot is no part of the set. */
  #dropDisplaced(): void {
    if (this.#hashes.size <= this.#context.ledger.size) return;
    for (const [key, { hash }] of this.#hashes) {
      if (this.#context.ledger.has(hash)) continue;
      this.#hashes.delete(key);
      this.#ledgerTrie.delete(key);
    }
  }

  #index(hash: string): void {
    const key = hash.slice(0, 32);
    this.#hashes.set(key, { hash, at: this.#arrivals++ });
    this.#ledgerTrie.set(key, 0);
  }

  #trie(set: SetId): MerkleTrie {
    return set === LEDGER_SET ? this.#ledgerTrie : this.#context.presences.trie;
  }

  /** Whoever holds an invite reads the ledger, which it needs to join, and nothing else. */
  #mayRead(peer: Peer, set: SetId): boolean {
    return peer.isMember || set === LEDGER_SET;
  }

  /** A set that one side refuses to take would be compared for ever: fruitless rounds get rarer. */
  #compare(peer: Peer, set: SetId, theirs: Fingerprint, now: number): void {
    const ours = this.#trie(set).fingerprint();
    const progress = peer.reconcile[set];
    if (ours === theirs || now < progress.nextAt) return;
    const state = `${ours} ${theirs}`;
    progress.fruitless = progress.state === state ? progress.fruitless + 1 : 0;
    progress.state = state;
    // The first few may just have been lost.
    const doublings = Math.max(0, progress.fruitless - 3);
    progress.nextAt = now + Math.min(RECONCILE_SLOW, RECONCILE_BUSY * 2 ** doublings);
    this.#context.send(peer, { kind: 'digest', set, items: [{ prefix: '', fingerprint: ours }] }, null, now);
  }

  #answerDigest(peer: Peer, set: SetId, items: readonly DigestItem[], now: number): void {
    const trie = this.#trie(set);
    const deeper: DigestItem[] = [];
    const claims = new Map(items.map(({ prefix, fingerprint }) => [prefix, fingerprint]));
    this.#firstChild++;
    for (const [prefix, fingerprint] of claims) {
      if (trie.fingerprint(prefix) === fingerprint) continue;
      // An answer is many times as long as what it answers.
      if (!peer.gifts.take(now, LOOK_COST)) break;
      if (trie.count(prefix) <= LIST_LIMIT) {
        this.#context.send(peer, { kind: 'have', set, prefix, items: trie.entries(prefix) }, null, now);
      } else {
        for (let i = 0; i < 16; i++) {
          const child = prefix + ((this.#firstChild + i) % 16).toString(16);
          deeper.push({ prefix: child, fingerprint: trie.fingerprint(child) });
        }
      }
    }
    for (let i = 0; i < deeper.length; i += DIGEST_ITEMS) {
      this.#context.send(peer, { kind: 'digest', set, items: deeper.slice(i, i + DIGEST_ITEMS) }, null, now);
    }
  }

  #answerHave(peer: Peer, message: Extract<Control, { kind: 'have' }>, now: number): void {
    const trie = this.#trie(message.set);
    // Looking through a large set for a short message costs accordingly.
    if (!peer.gifts.take(now, Math.min(MOST_COST, LOOK_COST + trie.count(message.prefix) / GIFTS))) return;
    const theirs = new Map(message.items);
    const want: string[] = [];
    for (const [key, version] of theirs) {
      if (!key.startsWith(message.prefix)) continue;
      const mine = trie.get(key);
      const lacks = mine === undefined || mine < version;
      if (!lacks) continue;
      // An own record that came back from an earlier life is not wanted, but must be outrun.
      if (message.set === PRESENCE_SET && this.#context.presences.highest(key as NodeId) >= version) continue;
      want.push(key);
    }
    if (want.length > 0) {
      this.#context.send(peer, { kind: 'want', set: message.set, keys: want.slice(0, GIFTS) }, null, now);
    }
    const give = trie
      .entries(message.prefix)
      .filter(([key, version]) => (theirs.get(key) ?? -1) < version)
      .map(([key]) => key);
    // Causes before effects also where only a part is given: what cannot be judged yet would have to come again.
    if (message.set === LEDGER_SET) give.sort((a, b) => this.#arrival(a) - this.#arrival(b));
    if (give.length > 0) this.#give(peer, message.set, give, now);
  }

  #give(peer: Peer, set: SetId, keys: readonly string[], now: number): void {
    const some = keys.slice(0, GIFTS).filter(() => peer.gifts.take(now));
    if (set === PRESENCE_SET) {
      this.#givePresences(peer, some as NodeId[], now);
      return;
    }
    // In order of arrival: a statement's cause was known before it, so the other side can judge each as it comes.
    const hashes = some
      .toSorted((a, b) => this.#arrival(a) - this.#arrival(b))
      .flatMap((key) => this.#hashes.get(key)?.hash ?? []);
    this.#giveStatements(peer, hashes, now);
  }

  #arrival(key: string): number {
    return this.#hashes.get(key)?.at ?? 0;
  }

  #giveStatements(peer: Peer, hashes: readonly string[], now: number): void {
    const statements = hashes.flatMap((hash) => this.#context.ledger.get(hash) ?? []);
    for (const batch of batches(statements, (s) => s.length + 2)) {
      this.#context.send(peer, { kind: 'statements', statements: batch }, null, now);
    }
  }

  #givePresences(peer: Peer, ids: readonly NodeId[], now: number): void {
    const items = ids
      .flatMap((id) => this.#context.presences.item(id, now) ?? [])
      .filter((item) => item.id !== peer.id);
    for (const batch of batches(items, (item) => item.record.length + PRESENCE_HEAD)) {
      this.#context.send(peer, { kind: 'presence', items: batch }, null, now);
    }
  }

  #takePresences(peer: Peer, items: readonly PresenceItem[], now: number): void {
    for (const item of items) {
      if (item.id === this.#context.self) {
        this.#outrun(item, now);
        continue;
      }
      if (!this.#context.presences.isNews(item)) {
        peer.pushedOld++;
        continue;
      }
      if (!peer.checks.take(now)) return;
      if (this.addPresence(item, peer, now)) {
        peer.pushedNews++;
        // A peer that was to keep still has what others did not bring: it shall speak again.
        if (item.id !== peer.id) peer.weAreLazy = false;
      }
    }
    this.#judge(peer, now);
  }

  /** Asks a peer whose pushes are mostly old news to stop, as long as somebody else goes on. */
  #judge(peer: Peer, now: number): void {
    const pushed = peer.pushedNews + peer.pushedOld;
    if (pushed < JUDGED) return;
    const old = peer.pushedOld / pushed;
    peer.pushedNews = 0;
    peer.pushedOld = 0;
    if (old < OLD_SHARE || peer.weAreLazy) return;
    const speaks = (other: Peer) => other !== peer && !other.weAreLazy && isPartner(other, now);
    if (!this.#context.neighbours(now).some(speaks)) return;
    peer.weAreLazy = true;
    this.#context.ping(peer, now);
  }

  /** Somebody has to push to us: where the last one went, the nearest of the others starts again. */
  keepSource(now: number): void {
    const partners = this.#context.neighbours(now).filter((peer) => isPartner(peer, now));
    const nearest = partners[0];
    if (nearest === undefined || partners.some((peer) => !peer.weAreLazy)) return;
    nearest.weAreLazy = false;
    this.#context.ping(nearest, now);
  }

  /** A record of ours from before a restart, with a later sequence than our clock gives: the next must exceed it. */
  #outrun(item: PresenceItem, now: number): void {
    if (this.#context.presences.accept(item, now) === 'new') this.#context.presenceChanged(now);
  }

  #takeStatements(peer: Peer, statements: readonly Uint8Array[], now: number): void {
    for (const bytes of statements) {
      const key = statementHash(this.#context.init.crypto, bytes).slice(0, 32);
      if (this.#hashes.has(key)) continue;
      if (!peer.checks.take(now)) return;
      this.addStatement(Uint8Array.from(bytes), peer, now);
    }
  }
}

/** Links that somebody keeps carry gossip; those opened for data only do not. */
function isPartner(peer: Peer, now: number): boolean {
  return peer.weKeep || now - peer.theyKeptAt < 30_000;
}

function* batches<T>(items: readonly T[], size: (item: T) => number): Generator<T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const length = size(item);
    if (bytes + length > PLANE_LIMITS.controlBody && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}
