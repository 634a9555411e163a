/** Redeems an invite: opens a port, lets the joiner talk to the members that the invite names, and closes again. */
import type { Address, Crypto } from '@kith/core';
import { createNodePlane } from '@kith/dataplane';
import { type InviteToken, Joiner, type JoinResult, type MeshIdentity, type PlaneEvents } from '@kith/mesh';
import { monotonic, WallClock } from '../daemon/clock.ts';
import { TimerDriver } from '../daemon/timer.ts';

export interface RedeemOptions {
  readonly crypto: Crypto;
  readonly token: InviteToken;
  readonly identity: MeshIdentity;
  readonly name: string;
  readonly address: Address | null;
  /** UDP port to do it from: the one that the node will have, so that a firewall's hole serves again. */
  readonly port: number;
  /** ms */
  readonly timeout: number;
}

/** @throws KithError why it failed: INVITE_*, NAME_TAKEN, ADDRESS_*, PORT_IN_USE, JOIN_TIMEOUT … */
export async function redeem(options: RedeemOptions): Promise<JoinResult> {
  const { crypto, token, identity, name, address, timeout } = options;
  const clock = new WallClock(0, Date.now(), monotonic());
  let joiner: Joiner | null = null;
  let driver: TimerDriver | null = null;
  const tell = (work: (joiner: Joiner) => void): void => {
    if (joiner !== null) work(joiner);
    driver?.rearm();
  };
  const events: PlaneEvents = {
    handshake: (message, origin, now) => tell((each) => each.handshake(message, origin, now)),
    control: (peer, payload, origin, now) => tell((each) => each.control(peer, payload, origin, now)),
    roamed: () => tell((each) => each.roamed()),
    confirmed: (peer, index, now) => tell((each) => each.confirmed(peer, index, now)),
    noSession: () => tell((each) => each.noSession()),
    noNextHop: () => tell((each) => each.noNextHop()),
  };
  const plane = await createNodePlane({ crypto, events, port: options.port });
  try {
    return await new Promise<JoinResult>((resolve, reject) => {
      joiner = new Joiner({
        crypto,
        plane: plane.plane,
        token,
        identity,
        name,
        address,
        wall: (now) => clock.at(now),
        timeout,
        done: resolve,
        failed: reject,
      });
      driver = new TimerDriver([joiner]);
      joiner.start(monotonic());
      driver.rearm();
    });
  } finally {
    stopDriver(driver);
    await plane.stop();
  }
}

function stopDriver(driver: TimerDriver | null): void {
  driver?.stop();
}
