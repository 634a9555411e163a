/** The portable plane on this machine: wired to a UDP port, a TUN device and a timer. */
import type { Endpoint } from '@kith/core';
import type { DataPlane } from '@kith/mesh';
import { choosesAes, measuresAesFaster } from './cipher-choice.ts';
import { configureInterface, DEFAULT_MTU } from './interface.ts';
import type { NodePlane, NodePlaneInit } from './node-plane.ts';
import { PortablePlane } from './portable/index.ts';
import { openTun, type TunDevice } from './tun.ts';
import { UdpPort } from './udp.ts';

/** No delay of setTimeout may be longer. */
const LONGEST_DELAY = 0x7fffffff;

/**
 * Calls `tick` of a plane when it is due. Sending only moves deadlines back, so the timer is set anew only after what
 * can bring one forward: new settings, and messages that confirm a session.
 */
class PlaneTimer {
  readonly #plane: PortablePlane;
  #timer: NodeJS.Timeout | null = null;
  #at: number = Number.POSITIVE_INFINITY;
  #ended = false;

  constructor(plane: PortablePlane) {
    this.#plane = plane;
  }

  /** Sets the timer to the plane's next deadline. */
  arm(): void {
    if (this.#ended) return;
    const at = this.#plane.wakeAt() ?? Number.POSITIVE_INFINITY;
    if (at === this.#at) return;
    this.#clear();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#at = at;
    const delay = Math.min(LONGEST_DELAY, Math.max(0, Math.ceil(at - performance.now())));
    this.#timer = setTimeout(() => {
      this.#at = Number.POSITIVE_INFINITY;
      this.#plane.tick(performance.now());
      this.arm();
    }, delay);
  }

  /** For good: an event may have stopped the plane in the middle of a call that sets the timer at its end. */
  stop(): void {
    this.#ended = true;
    this.#clear();
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#at = Number.POSITIVE_INFINITY;
  }
}

/** The plane as the mesh sees it: calls that move deadlines set the timer anew. */
function armed(plane: PortablePlane, timer: PlaneTimer): DataPlane {
  return {
    prefersAes: plane.prefersAes,
    setSelf: (id) => plane.setSelf(id),
    setPeer: (peer, now) => {
      plane.setPeer(peer, now);
      timer.arm();
    },
    removePeer: (peer) => plane.removePeer(peer),
    setSession: (session, now) => {
      plane.setSession(session, now);
      timer.arm();
    },
    removeSession: (localIndex) => plane.removeSession(localIndex),
    setNextHop: (dst, hop) => plane.setNextHop(dst, hop),
    setRelaySources: (endpoints) => plane.setRelaySources(endpoints),
    sendMessage: (message, path, now) => plane.sendMessage(message, path, now),
    sendControl: (peer, type, body, path, now) => plane.sendControl(peer, type, body, path, now),
    sendKeepAlive: (peer, now) => plane.sendKeepAlive(peer, now),
    peerCounters: (peer) => plane.peerCounters(peer),
    counters: () => plane.counters(),
  };
}

/** See `createNodePlane`. @param reason why it is this plane */
export async function createPortableNodePlane(init: NodePlaneInit, reason: string): Promise<NodePlane> {
  let running = false;
  let writeErrors = 0;
  let device: TunDevice | null = null;
  const now = () => performance.now();

  const plane = new PortablePlane({
    crypto: init.crypto,
    events: init.events,
    prefersAes: choosesAes(() => measuresAesFaster(init.crypto)),
    io: {
      sendDatagram: (bytes, to) => udp.send(bytes, to),
      writePacket: (packet) => {
        if (device === null || !device.write(packet)) writeErrors += 1;
      },
    },
    ...(init.limits === undefined ? {} : { limits: init.limits }),
  });
  const timer = new PlaneTimer(plane);
  const udp = await UdpPort.bind({
    port: init.port,
    loopback: init.loopback === true,
    onDatagram: (bytes: Uint8Array, from: Endpoint) => {
      if (!running) return;
      plane.handleDatagram(bytes, from, now());
      timer.arm();
    },
  });
  if (init.tun !== undefined) {
    try {
      const settings = { ...init.tun, mtu: init.tun.mtu ?? DEFAULT_MTU };
      device = openTun({
        name: settings.name,
        mtu: settings.mtu,
        onPackets: (packets) => {
          const at = now();
          for (const packet of packets) if (running) plane.handlePacket(packet, at);
          timer.arm();
        },
        onEnded: () => {
          if (running) init.onTunLost?.();
        },
      });
      await configureInterface({ ...settings, name: device.name });
    } catch (error) {
      device?.close();
      await udp.close();
      throw error;
    }
  }
  running = true;
  return {
    plane: armed(plane, timer),
    kind: 'portable',
    reason,
    hints: [],
    port: udp.localPort,
    interfaceName: device?.name ?? null,
    now,
    udp: () => udp.counters(),
    writeErrors: () => writeErrors,
    stop: async () => {
      running = false;
      timer.stop();
      device?.close();
      await udp.close();
    },
  };
}
