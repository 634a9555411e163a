/** What a node that is about to join may be called and where it may live, checked before a statement is made. */
import { KithError, parseLabel, prefixParts } from '@kith/core';
import type { Address, Label, NodeKey } from '@kith/core';
import { addressNumber, addressOf, freeHost, hostsOf, isHost } from './hosts.ts';
import { isOpen } from './roster.ts';
import type { InviteState, Roster } from './roster.ts';

export interface Applicant {
  /** The invite that is redeemed: what it reserves is free for its own joiner. Null for a direct admission. */
  readonly invite: NodeKey | null;
  /** Wall-clock ms since 1970: expired invites reserve nothing. */
  readonly wallMs: number;
}

/**
 * The address that `wish` gets: itself if it is free, the lowest free one for null.
 * @throws KithError ADDRESS_OUTSIDE, ADDRESS_TAKEN, PREFIX_FULL
 */
export function prospectiveAddress(roster: Roster, wish: Address | null, joiner: Applicant): Address {
  const { prefix4 } = roster;
  const reserved = reservations(roster, joiner);
  if (wish === null) {
    const taken = new Set([...roster.byAddress4.keys()].map(addressNumber));
    for (const { address } of reserved) if (address !== null) taken.add(addressNumber(address));
    const free = freeHost(hostsOf(prefix4), taken, 0);
    if (free !== null) return addressOf(free);
    throw new KithError('PREFIX_FULL', `all ${hostsOf(prefix4).count} addresses of ${prefix4} are taken`);
  }
  if (!isHost(prefix4, wish)) {
    const { base, count } = hostsOf(prefix4);
    throw new KithError(
      'ADDRESS_OUTSIDE',
      `${wish} is no host of ${prefixParts(prefix4).address}/${prefixParts(prefix4).length}: choose one of ${addressOf(base + 1)} to ${addressOf(base + count)}`,
    );
  }
  const owner = roster.byAddress4.get(wish);
  if (owner !== undefined) {
    throw new KithError('ADDRESS_TAKEN', `${wish} belongs to ${roster.members.get(owner)?.name ?? owner}`);
  }
  if (reserved.some(({ address }) => address === wish)) {
    throw new KithError('ADDRESS_TAKEN', `${wish} is reserved by an open invite`);
  }
  return wish;
}

/** @throws KithError NAME_INVALID, NAME_TAKEN */
export function prospectiveName(roster: Roster, wish: string, joiner: Applicant): Label {
  const name = parseLabel(wish, 'member name');
  const owner = roster.byName.get(name);
  if (owner !== undefined) {
    const address = roster.members.get(owner)?.address4 ?? owner;
    throw new KithError('NAME_TAKEN', `the name ${name} belongs to the member at ${address}: choose another one`);
  }
  if (reservations(roster, joiner).some((invite) => invite.name === name)) {
    throw new KithError('NAME_TAKEN', `the name ${name} is reserved by an open invite: choose another one`);
  }
  return name;
}

function reservations(roster: Roster, joiner: Applicant): readonly InviteState[] {
  return [...roster.invites.values()].filter((invite) => invite.key !== joiner.invite && isOpen(invite, joiner.wallMs));
}
