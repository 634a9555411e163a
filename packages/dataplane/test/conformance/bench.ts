/** What the chapters of the conformance suite share: planes with a peer, and messages of that peer. */
import assert from 'node:assert/strict';
import type { PlanePeer, PlaneSession } from '@kith/mesh';
import { endpoint, ipv4, keyOf, nodeId, peerHandle, peerSpec, Rig, sealed, session, type MakePlane } from '../rig.ts';

export type Case = readonly [sentence: string, run: (make: MakePlane) => void];

export const EMPTY = new Uint8Array(0);
export const SELF = nodeId(0xa);
export const OTHER = nodeId(0xb);
export const THIRD = nodeId(0xc);

/** A plane with peer 1 and a current session of it, local index 7. */
export function joined(make: MakePlane, peer: Partial<PlanePeer> = {}, over: Partial<PlaneSession> = {}): Rig {
  const rig = new Rig(make);
  rig.plane.setSelf(SELF);
  rig.plane.setPeer(peerSpec(1, peer), 0);
  rig.plane.setSession(session(1, 7, over), 0);
  return rig;
}

/** Lets a message that peer 1 sealed come in. */
export function arrives(rig: Rig, counter: number | bigint, plaintext: Uint8Array, now = 10, from = 1): void {
  rig.plane.handleDatagram(sealed(keyOf(2), 7, counter, plaintext), endpoint(from), now);
}

export function counters(rig: Rig, peer = 1) {
  const found = rig.plane.peerCounters(peerHandle(peer));
  assert(found !== null);
  return found;
}

export const toPeer = ipv4('10.0.0.9', '10.0.0.1');
export const fromPeer = ipv4('10.0.0.1', '10.0.0.9');

/** A plane that relays: hop 2 leads to OTHER, hops 1 and 2 may send frames. */
export function relaying(make: MakePlane): Rig {
  const rig = joined(make);
  rig.plane.setRelaySources([endpoint(1), endpoint(2)]);
  rig.plane.setNextHop(OTHER, endpoint(2));
  return rig;
}
