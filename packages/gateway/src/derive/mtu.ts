/**
 * Sizes of packets through the tunnels, in bytes. A router's tunnel carries batman-adv, which carries clients' frames:
 *
 *     underlay  IP (20 or 40) + UDP 8
 *     fastd     24 (null: 1, null@l2tp: 8) + Ethernet 14
 *     WireGuard 32, then VXLAN over IPv6: 40 + UDP 8 + VXLAN 8 + Ethernet 14
 *     batman    Ethernet 14 + header 18
 *
 * What is left is what a client's packet may have without batman-adv cutting it in two. It does so unseen, no ICMP says
 * a word, so the maximum segment size has to be set to a number: there is no path MTU to clamp to.
 */
import type { FastdMethod } from '../file/written.ts';

const UDP = 8;
const ETHERNET = 14;
const VXLAN_OVER_IPV6 = 40 + UDP + 8 + ETHERNET;
const WIREGUARD = 32;
/** Header of a batman-adv unicast frame with the clients' Ethernet inside. */
const BATMAN = ETHERNET + 18;

/** Smallest packet that every IPv6 link must take (RFC 8200, section 5). */
const LEAST_IPV6 = 1280;

/** What fastd puts in front of a frame, by method. */
const FASTD: Readonly<Record<FastdMethod, number>> = {
  'salsa2012+umac': 24,
  'null+salsa2012+umac': 24,
  'null@l2tp': 8,
  null: 1,
};

/** MTU that Gluon's documentation recommends for fastd and for WireGuard: it passes behind any access line. */
export const FASTD_MTU = 1312;
export const WIREGUARD_MTU = 1376;

/** batman-adv's interface never has to cut clients' 1500 bytes on links that take so much. */
export const BATMAN_HARD_MTU: number = 1500 + BATMAN;

function ipHeader(family: 4 | 6): number {
  return family === 4 ? 20 : 40;
}

/** The interface of fastd over an underlay that takes packets of `mtu` bytes. */
export function fastdMtu(mtu: number, family: 4 | 6, method: FastdMethod): number {
  return mtu - ipHeader(family) - UDP - FASTD[method] - ETHERNET;
}

export function wireguardMtu(mtu: number, family: 4 | 6): number {
  return mtu - ipHeader(family) - UDP - WIREGUARD;
}

export function vxlanMtu(wireguard: number): number {
  return wireguard - VXLAN_OVER_IPV6;
}

/** What a client's packet may have when batman-adv runs over an interface of `hard` bytes. */
export function payloadMtu(hard: number): number {
  return hard - BATMAN;
}

export interface Sizes {
  /** Told to clients by DHCP and router advertisements; never below what IPv6 asks for. */
  readonly client: number;
  /** Largest TCP segment, over IPv4 and IPv6, that crosses the narrowest way in one piece. */
  readonly mss4: number;
  readonly mss6: number;
}

/** @param ways MTU of each way between a client and the world: payloads of tunnels, the exit */
export function sizesFor(ways: readonly number[]): Sizes {
  const narrowest = Math.min(1500, ...ways);
  return { client: Math.max(LEAST_IPV6, narrowest), mss4: narrowest - 40, mss6: narrowest - 60 };
}
