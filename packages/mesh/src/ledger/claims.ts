/** Names and addresses among members: every wish is heard in the order of claims, losers get something predictable. */
import { parseLabel } from '@kith/core';
import type { Address, Label, NodeId, Prefix } from '@kith/core';
import { compareClaims } from './admissions.ts';
import type { Claim } from './admissions.ts';
import { addressNumber, addressOf, freeHost, hostsOf, isHostNumber } from './hosts.ts';
import type { Conflict } from './roster.ts';

export interface Wish {
  readonly id: NodeId;
  readonly name: Claim & { readonly value: Label };
  /** Null: any address will do. */
  readonly address: (Claim & { readonly value: Address }) | null;
}

/** First come, first served; the others get the first digits of their id behind the name, as many as it takes. */
export function resolveNames(wishes: readonly Wish[], conflicts: Conflict[]): ReadonlyMap<NodeId, Label> {
  const owner = new Map<Label, NodeId>();
  const names = new Map<NodeId, Label>();
  const losers: Wish[] = [];
  for (const wish of [...wishes].sort((a, b) => compareClaims(a.name, b.name))) {
    if (owner.has(wish.name.value)) losers.push(wish);
    else {
      owner.set(wish.name.value, wish.id);
      names.set(wish.id, wish.name.value);
    }
  }
  for (const { id, name } of losers) {
    const given = suffixed(name.value, id, owner);
    const winner = owner.get(name.value) as NodeId;
    owner.set(given, id);
    names.set(id, given);
    conflicts.push({ kind: 'name', name: name.value, winner, loser: id, given });
  }
  return names;
}

function suffixed(name: Label, id: NodeId, taken: ReadonlyMap<Label, NodeId>): Label {
  for (let digits = 4; ; digits += 4) {
    // Past the 16 digits of the id the number of digits itself makes the name another one.
    const suffix = digits <= 16 ? id.slice(0, digits) : `${id}-${digits}`;
    const candidate = parseLabel(`${name.slice(0, 62 - suffix.length)}-${suffix}`, 'member name');
    if (!taken.has(candidate)) return candidate;
  }
}

/**
 * Losers, and members without a wish, get the first free host counted from a place that follows from their id: so
 * that an address rarely changes when others come and go. Nodes for which none is left are missing in the result.
 */
export function resolveAddresses(
  prefix: Prefix,
  wishes: readonly Wish[],
  conflicts: Conflict[],
): ReadonlyMap<NodeId, Address> {
  const hosts = hostsOf(prefix);
  const owner = new Map<number, NodeId>();
  const addresses = new Map<NodeId, Address>();
  const claims = wishes.flatMap(({ id, address }) => (address === null ? [] : [{ ...address, id }]));
  for (const { id, value } of claims.sort(compareClaims)) {
    const number = addressNumber(value);
    if (!isHostNumber(hosts, number) || owner.has(number)) continue;
    owner.set(number, id);
    addresses.set(id, value);
  }
  const taken = new Set(owner.keys());
  for (const { id, address } of wishes) {
    if (addresses.has(id)) continue;
    const free = freeHost(hosts, taken, Number.parseInt(id.slice(0, 12), 16) % hosts.count);
    if (free === null) continue;
    taken.add(free);
    const given = addressOf(free);
    addresses.set(id, given);
    if (address === null) continue;
    const winner = owner.get(addressNumber(address.value)) ?? null;
    conflicts.push({ kind: 'address', address: address.value, winner, loser: id, given });
  }
  return addresses;
}
