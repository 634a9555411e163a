/** Actors with ledgers of their own that make statements and meet now and then: material for the tests of the ledger. */
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import {
  concat,
  equalBytes,
  nodeKeyOf,
  parseAddress,
  parseLabel,
  parsePrefix,
  portableCrypto,
  SecretKey,
  tunnelKeyFrom,
} from '@kith/core';
import type { Address, Crypto, Label, NetworkId, TunnelKey } from '@kith/core';
import * as mesh from '@kith/mesh';
import { Ledger, networkIdOf } from '@kith/mesh';
import type { Issuer, LedgerLimits, Roster, StatementContext } from '@kith/mesh';

export const real: Crypto = portableCrypto((n) => new Uint8Array(randomBytes(n)));

const sha256 = (...parts: Uint8Array[]) =>
  new Uint8Array(
    createHash('sha256')
      .update(concat(...parts))
      .digest(),
  );

/** Signatures that anybody could forge but that cost nothing: the fold is under test here, not Ed25519. */
export const cheap: Crypto = {
  ...real,
  sha256: (data) => sha256(data),
  x25519Public: (secret) => sha256(secret, Uint8Array.of(2)),
  ed25519Public: (seed) => sha256(seed, Uint8Array.of(1)),
  ed25519Sign: (seed, message) => {
    const half = sha256(cheap.ed25519Public(seed), message);
    return concat(half, half);
  },
  ed25519Verify: (key, message, signature) => equalBytes(sha256(key, message), signature.subarray(0, 32)),
};

export const label = (text: string): Label => parseLabel(text, 'name');
export const address = (host: number): Address => parseAddress(`10.0.0.${host}`);

export function issuer(crypto: Crypto, number: number): Issuer {
  const seed = new SecretKey(
    Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? number & 255 : i === 1 ? number >> 8 : 7)),
  );
  return { seed, key: nodeKeyOf(crypto, seed) };
}

export function tunnel(number: number): TunnelKey {
  return tunnelKeyFrom(Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? number & 255 : i === 1 ? number >> 8 : 9)));
}

export const START = 1_700_000_000_000;

/** A network with its founder `ada` (actor 0) at 10.0.0.1. */
export class World {
  readonly crypto: Crypto;
  readonly founding: Uint8Array;
  readonly network: NetworkId;
  readonly ledger: Ledger;
  now: number = START;

  constructor(crypto: Crypto = cheap, prefix: string = '10.0.0.0/24') {
    this.crypto = crypto;
    this.founding = mesh.found({
      crypto,
      issuer: this.actor(0),
      at: START,
      network: label('home'),
      prefix4: parsePrefix(prefix),
      tunnelKey: tunnel(0),
      name: label('ada'),
      address: address(1),
    });
    this.network = networkIdOf(crypto, this.founding);
    this.ledger = this.replica();
  }

  actor(number: number): Issuer {
    return issuer(this.crypto, number);
  }

  invite(number: number): Issuer {
    return issuer(this.crypto, 1000 + number);
  }

  /** A ledger with the founding statement. */
  replica(limits?: Partial<LedgerLimits>): Ledger {
    const ledger = this.empty(limits);
    ledger.add(this.founding);
    return ledger;
  }

  empty(limits: Partial<LedgerLimits> = {}): Ledger {
    return new Ledger({ crypto: this.crypto, network: this.network, limits });
  }

  /** Where actor `number` goes on, in the sight of a ledger; a second later than the last call. */
  context(number: number, ledger: Ledger = this.ledger): StatementContext {
    this.now += 1000;
    return ledger.context(this.actor(number), this.now);
  }

  admit(number: number, ledger: Ledger = this.ledger, by = 0): void {
    const bytes = mesh.admit(this.context(by, ledger), {
      nodeKey: this.actor(number).key,
      tunnelKey: tunnel(number),
      name: label(`n${number}`),
      address: null,
      tags: [],
    });
    put(ledger, bytes);
  }

  grant(number: number, ledger: Ledger = this.ledger, by = 0): void {
    put(ledger, mesh.grant(this.context(by, ledger), this.actor(number).key));
  }

  revoke(by: number, target: number, ledger: Ledger = this.ledger): void {
    const { key } = this.actor(target);
    put(ledger, mesh.revoke(this.context(by, ledger), key, ledger.head(key)));
  }

  makeInvite(
    number: number,
    uses = 1,
    more: Partial<Parameters<typeof mesh.invite>[1]> = {},
    ledger = this.ledger,
  ): void {
    const fields = { key: this.invite(number).key, tunnelKey: tunnel(1000 + number), uses, expires: null, name: null };
    put(ledger, mesh.invite(this.context(0, ledger), { ...fields, address: null, tags: [], ...more }));
  }

  /** Signed bytes of actor `node` joining by an invite. */
  join(invite: number, node: number, more: Partial<mesh.JoinFields> = {}): Uint8Array {
    this.now += 1000;
    return mesh.join({
      crypto: this.crypto,
      network: this.network,
      invite: this.invite(invite),
      node: this.actor(node),
      at: this.now,
      tunnelKey: tunnel(node),
      name: label(`n${node}`),
      address: null,
      ...more,
    });
  }

  has(number: number, roster: Roster = this.ledger.roster()): boolean {
    return roster.byNodeKey.has(this.actor(number).key);
  }

  member(number: number, roster: Roster = this.ledger.roster()): mesh.Member {
    const id = roster.byNodeKey.get(this.actor(number).key);
    const member = id === undefined ? undefined : roster.members.get(id);
    if (member === undefined) throw new Error(`actor ${number} is no member`);
    return member;
  }
}

/** Adds what must not be refused. */
export function put(ledger: Ledger, bytes: Uint8Array): void {
  const result = ledger.add(bytes);
  if (result.kind === 'refused') throw new Error(result.reason);
}

export function all(ledger: Ledger): Uint8Array[] {
  return [...ledger.hashes()].map((hash) => ledger.get(hash) as Uint8Array);
}

export function merge(into: Ledger, from: Ledger): void {
  for (const bytes of all(from)) into.add(bytes);
}

/** The roster as text, maps in their order: two rosters are the same if and only if their texts are. */
export function dump(roster: Roster): string {
  return JSON.stringify(
    roster,
    (_, value: unknown) => (value instanceof Map || value instanceof Set ? [...(value as Iterable<unknown>)] : value),
    1,
  );
}

export interface Step {
  readonly kind: (typeof KINDS)[number];
  /** Who acts and on whom, 0..5. */
  readonly actor: number;
  readonly target: number;
  readonly value: number;
  /** ms that the actor's clock is off. */
  readonly skew: number;
  /** The actor forgets its last statement and so signs two with one number. */
  readonly fork: boolean;
}

export const KINDS = [
  'grant',
  'withdraw',
  'revoke',
  'leave',
  'invite',
  'join',
  'join',
  'admit',
  'set',
  'rekey',
  'policy',
  'revoke-invite',
  'merge',
  'merge',
] as const;

export function steps(kinds: readonly Step['kind'][] = KINDS, maxLength = 40): fc.Arbitrary<Step[]> {
  const step = fc.record({
    kind: fc.constantFrom(...kinds),
    actor: fc.nat(5),
    target: fc.nat(5),
    value: fc.nat(7),
    skew: fc.constantFrom(0, 0, -100_000, 100_000, -START),
    fork: fc.constantFrom(false, false, false, false, true),
  });
  return fc.array(step, { maxLength });
}

/** One ledger per actor; who acts knows only what its own ledger knows. Returns the ledgers. */
export function play(world: World, script: readonly Step[], ledgers: Ledger[] = replicas(world)): Ledger[] {
  for (const step of script) {
    const ledger = ledgers[step.actor] as Ledger;
    if (step.kind === 'merge') merge(ledger, ledgers[step.target] as Ledger);
    else put(ledger, statementOf(world, step, ledger));
  }
  return ledgers;
}

export function replicas(world: World): Ledger[] {
  return Array.from({ length: 6 }, () => {
    const ledger = world.replica();
    merge(ledger, world.ledger);
    return ledger;
  });
}

export function statementOf(world: World, step: Step, ledger: Ledger): Uint8Array {
  const { actor, target, value } = step;
  const plain = world.context(actor, ledger);
  // Coarse, so that several say the same time.
  const at = Math.max(0, Math.floor((plain.at + step.skew) / 10_000) * 10_000);
  const forked = step.fork && plain.n > 1;
  const context: StatementContext = forked ? { ...plain, at, n: 0, prev: null } : { ...plain, at };
  const { key } = world.actor(target);
  const wish = value < 4 ? null : address(value);
  switch (step.kind) {
    case 'grant':
      return mesh.grant(context, key);
    case 'withdraw':
      return mesh.withdraw(context, key, value === 0 ? null : ledger.head(key));
    case 'revoke':
      return mesh.revoke(context, key, value === 0 ? null : ledger.head(key));
    case 'leave':
      return mesh.leave(context);
    case 'invite': {
      const uses = 1 + (value % 3);
      const fields = { uses, expires: value === 7 ? at + 500_000 : null, tags: [label('t')] };
      const fixed =
        uses === 1 && value > 0 ? { name: label('fixed'), address: address(9) } : { name: null, address: null };
      const keys = { key: world.invite(target).key, tunnelKey: tunnel(1000 + target) };
      return mesh.invite(context, { ...keys, ...fields, ...fixed });
    }
    case 'join':
      return world.join(target, actor, {
        at,
        tunnelKey: tunnel(value % 2 === 0 ? actor : value),
        name: label(`m${value % 3}`),
        address: wish,
      });
    case 'admit':
      return mesh.admit(context, {
        nodeKey: key,
        tunnelKey: tunnel(target),
        name: label(`m${value % 3}`),
        address: wish,
        tags: [],
      });
    case 'set':
      return mesh.set(context, key, {
        name: value % 2 === 0 ? null : label(`m${value % 3}`),
        address: wish,
        tags: value > 5 ? [label('x')] : null,
        mayRelay: value === 3 ? false : null,
        routes: value === 2 ? [parsePrefix('192.168.7.0/24')] : null,
      });
    case 'rekey':
      return mesh.rekey(context, tunnel(value * 3));
    case 'policy':
      return mesh.policy(context, label(`s${value % 2}`), [
        {
          from: { kind: 'tag', tag: label('t') },
          to: { kind: 'any' },
          protocol: 'tcp',
          ports: [{ from: 22, to: 22 + value }],
        },
      ]);
    case 'revoke-invite': {
      const invite = ledger.roster().invites.get(world.invite(target).key);
      return mesh.revokeInvite(context, world.invite(target).key, value === 0 ? [] : (invite?.joined ?? []));
    }
    case 'merge':
      throw new Error('a merge is no statement');
  }
}
