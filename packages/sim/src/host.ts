/** A simulated machine: interfaces, UDP sockets, timers, two clocks, and everything that can befall a machine. */
import { endpointOf } from '@kith/core';
import type { Address, Endpoint } from '@kith/core';
import type { Box } from './box.ts';
import type { VirtualClock } from './clock.ts';
import type { LinkOptions, LinkPair } from './link.ts';
import { linkPair } from './link.ts';
import { Realm } from './realm.ts';
import { Traffic } from './traffic.ts';

/** Where a host or a box is plugged in: a realm, or the LAN behind a box. */
export type Attachable = Realm | Box;

export function realmOf(on: Attachable): Realm {
  return on instanceof Realm ? on : on.lan;
}

export interface Interface {
  readonly realm: Realm;
  readonly address: Address;
  /** Endpoints of this address by port, made once each. */
  readonly endpoints: Map<number, Endpoint>;
}

/** 2026-01-01T00:00:00Z in ms: what the wall clocks show when a simulation begins. */
export const WALL_START = 1_767_225_600_000;

/** How a host hands packets to the network. */
export interface Carrier {
  readonly clock: VirtualClock;
  readonly statsInterval: number;
  send(host: Host, from: Endpoint | null, port: number, to: Endpoint, bytes: Uint8Array): void;
}

export type DatagramHandler = (bytes: Uint8Array, from: Endpoint, now: number) => void;

/** A bound UDP socket. Bytes that come in belong to the receiver (as a view of a larger buffer); those sent are copied. */
export interface SimSocket {
  readonly port: number;
  /** Called with the host's monotonic time in ms. */
  onDatagram: DatagramHandler | null;
  send(bytes: Uint8Array, to: Endpoint): void;
  close(): void;
}

export interface HostTimer {
  cancel(): void;
}

interface PendingTimer extends HostTimer {
  readonly at: number;
  readonly order: number;
  /** Runs, parks or postpones the timer, as the host's state asks. */
  readonly expire: () => void;
}

/** A machine on the host that says when it wants to be woken; see `drive`. */
export interface Poked {
  poke(): void;
  /** The host crashed: never to be looked at again. */
  stop(): void;
}

const FIRST_EPHEMERAL = 49_152;

export class Host {
  readonly name: string;
  /** Position in the order of creation: stands for the host in sorted output. */
  readonly index: number;
  readonly traffic: Traffic;
  /** Called when a sleep is over, before the timers that ran out meanwhile. */
  onWake: ((now: number) => void) | null = null;
  /** Called when interfaces came, went or changed, as an operating system reports it; in sleep, on waking. */
  onNetworkChange: ((now: number) => void) | null = null;
  /** Sees every datagram that the host sends or gets. */
  tap: ((bytes: Uint8Array, from: Endpoint, to: Endpoint, direction: 'out' | 'in', now: number) => void) | null = null;
  #link: LinkPair;
  #interfaces: Interface[] = [];
  #online = true;
  #asleepUntil: number | null = null;
  /** ms by which the monotonic clock is behind the simulation's. */
  #lag = 0;
  /** The monotonic clock never shows less: taking `lag` off may round below the time that a timer was set for. */
  #floor = 0;
  /** What the monotonic clock shows while it stands still. */
  #frozen: number | null = null;
  #wallOffset = 0;
  #wallSkew = 0;
  /** Whether the network changed in sleep. */
  #changeMissed = false;
  #nextPort = FIRST_EPHEMERAL;
  #timers = 0;
  #generation = 0;
  #parked: PendingTimer[] = [];
  readonly #sockets = new Map<number, SimSocket>();
  readonly #poked = new Set<Poked>();
  readonly #carrier: Carrier;

  constructor(name: string, index: number, carrier: Carrier, link: LinkOptions) {
    this.name = name;
    this.index = index;
    this.#carrier = carrier;
    this.#link = linkPair(link);
    this.traffic = new Traffic(carrier.statsInterval);
  }

  get link(): LinkPair {
    return this.#link;
  }

  /** Replaces the access link; queues begin empty. */
  setLink(options: LinkOptions): void {
    this.#link = linkPair(options);
  }

  get interfaces(): readonly Interface[] {
    return this.#interfaces;
  }

  get isOnline(): boolean {
    return this.#online;
  }

  get isAsleep(): boolean {
    return this.#asleepUntil !== null;
  }

  /** Monotonic time in ms, as every handler and timer of this host gets it. */
  now(): number {
    return Math.max(this.#floor, this.#frozen ?? this.#carrier.clock.now - this.#lag);
  }

  /** Wall clock in whole ms since 1970 at the monotonic time `now`: runs on in sleep, and may be wrong (see `setWall`). */
  wall(now: number = this.now()): number {
    const time = now + this.#lag;
    return Math.round(WALL_START + this.#wallOffset + time * (1 + this.#wallSkew));
  }

  /**
   * @param offset ms that the wall clock is ahead; `-WALL_START` is a machine that boots in 1970
   * @param skew parts by which it runs fast: 0.0001 is 100 ppm
   */
  setWall(offset: number, skew = 0): void {
    this.#wallOffset = offset;
    this.#wallSkew = skew;
  }

  /** The addresses that the host sees on its interfaces; none while it is offline. */
  localAddresses(): Address[] {
    return this.#online ? this.#interfaces.map((one) => one.address) : [];
  }

  /** The first address. @throws RangeError if the host has none */
  get address(): Address {
    const first = this.#interfaces[0];
    if (first === undefined) throw new RangeError(`host ${this.name} has no interface`);
    return first.address;
  }

  /** One more interface. @throws RangeError if the address is taken */
  attach(on: Attachable, address: Address | 4 | 6 = 4): Address {
    const realm = realmOf(on);
    const got = realm.attach({ kind: 'host', host: this }, address);
    this.#interfaces.push({ realm, address: got, endpoints: new Map() });
    this.#changed();
    return got;
  }

  /** Leaves all networks for another one, as a laptop does that is carried elsewhere. */
  move(on: Attachable, address: Address | 4 | 6 = 4): Address {
    for (const one of this.#interfaces) one.realm.detach(one.address);
    this.#interfaces = [];
    return this.attach(on, address);
  }

  /** Another address on the first interface. */
  changeAddress(address?: Address): Address {
    const first = this.#interfaces[0];
    if (first === undefined) throw new RangeError(`host ${this.name} has no interface`);
    const family = first.address.includes(':') ? 6 : 4;
    const got = first.realm.attach({ kind: 'host', host: this }, address ?? family);
    first.realm.detach(first.address);
    this.#interfaces[0] = { realm: first.realm, address: got, endpoints: new Map() };
    this.#changed();
    return got;
  }

  offline(): void {
    this.#online = false;
    this.#changed();
  }

  online(): void {
    this.#online = true;
    this.#changed();
  }

  /**
   * Suspends the machine: timers wait until it wakes, packets to it are lost.
   * @param ms how long; a machine that sleeps already sleeps until the later of both ends
   * @param monotonic whether its monotonic clock `runs` on in sleep (macOS, CLOCK_BOOTTIME) or `stops` (CLOCK_MONOTONIC)
   */
  sleep(ms: number, monotonic: 'runs' | 'stops' = 'runs'): void {
    const { clock } = this.#carrier;
    if (monotonic === 'stops') this.#frozen ??= this.now();
    const end = Math.max(this.#asleepUntil ?? 0, clock.now + ms);
    this.#asleepUntil = end;
    clock.schedule(end, () => {
      if (this.#asleepUntil === end) this.#wake();
    });
  }

  /** Kills what runs on the host: sockets, timers and driven machines are gone, nothing is told. */
  crash(): void {
    this.#generation++;
    this.#sockets.clear();
    for (const poked of [...this.#poked]) poked.stop();
    this.#poked.clear();
    this.#parked = [];
    this.onWake = null;
    this.onNetworkChange = null;
  }

  /**
   * @param port 1..65535, or 0 for a free one
   * @throws RangeError if the port is taken
   */
  bind(port = 0): SimSocket {
    const chosen = port === 0 ? this.#freePort() : port;
    if (!Number.isInteger(chosen) || chosen < 1 || chosen > 65535) throw new RangeError(`port ${port} is not 0..65535`);
    if (this.#sockets.has(chosen)) throw new RangeError(`port ${chosen} of host ${this.name} is taken`);
    const socket: SimSocket = {
      port: chosen,
      onDatagram: null,
      send: (bytes, to) => {
        if (this.#sockets.get(chosen) !== socket) return;
        this.#carrier.send(this, null, chosen, to, bytes);
      },
      close: () => {
        if (this.#sockets.get(chosen) === socket) this.#sockets.delete(chosen);
      },
    };
    this.#sockets.set(chosen, socket);
    return socket;
  }

  /** Sends a datagram with a source of the sender's choice: what a hostile host can do. */
  inject(bytes: Uint8Array, from: Endpoint, to: Endpoint): void {
    this.#carrier.send(this, from, 0, to, bytes);
  }

  /** @param at the host's monotonic time in ms; one that is past means as soon as possible */
  setTimer(at: number, run: (now: number) => void): HostTimer {
    const { clock } = this.#carrier;
    const generation = this.#generation;
    let live = true;
    const expire = (): void => {
      if (!live || generation !== this.#generation) return;
      if (this.#asleepUntil !== null) {
        this.#parked.push(timer);
      } else if (clock.now < at + this.#lag) {
        // The monotonic clock stood still in a sleep since.
        event = clock.schedule(at + this.#lag, expire);
      } else {
        live = false;
        this.#floor = Math.max(this.#floor, at);
        run(this.now());
        this.poke();
      }
    };
    let event = clock.schedule(at + this.#lag, expire);
    const timer: PendingTimer = {
      at,
      order: this.#timers++,
      expire,
      cancel: () => {
        live = false;
        clock.cancel(event);
      },
    };
    return timer;
  }

  /** Adds a machine that is looked at after everything that happens on the host. */
  addPoked(poked: Poked): void {
    this.#poked.add(poked);
  }

  removePoked(poked: Poked): void {
    this.#poked.delete(poked);
  }

  /** Lets the host's machines set their timers anew. */
  poke(): void {
    for (const poked of this.#poked) poked.poke();
  }

  /** Whether one of the interfaces has the address. */
  owns(address: Address): boolean {
    return this.#interfaces.some((one) => one.address === address);
  }

  /** Whether a socket is bound there. */
  hasSocket(port: number): boolean {
    return this.#sockets.has(port);
  }

  /** The network's last step. @returns false if no socket is bound there */
  deliver(port: number, bytes: Uint8Array, from: Endpoint, to: Endpoint): boolean {
    const socket = this.#sockets.get(port);
    if (socket === undefined) return false;
    this.traffic.received(bytes.length, this.#carrier.clock.now);
    this.tap?.(bytes, from, to, 'in', this.now());
    socket.onDatagram?.(bytes, from, this.now());
    this.poke();
    return true;
  }

  /** Where a packet to `to` leaves, and its source there. Null without a way. */
  sourceFor(to: Address, port: number): { readonly realm: Realm; readonly from: Endpoint } | null {
    const v6 = to.includes(':');
    let chosen: Interface | null = null;
    for (const one of this.#interfaces) {
      if (one.address.includes(':') !== v6) continue;
      if (one.realm.owner(to) !== undefined) {
        chosen = one;
        break;
      }
      chosen ??= one;
    }
    if (chosen === null) return null;
    let from = chosen.endpoints.get(port);
    if (from === undefined) {
      from = endpointOf(chosen.address, port);
      chosen.endpoints.set(port, from);
    }
    return { realm: chosen.realm, from };
  }

  #wake(): void {
    this.#asleepUntil = null;
    if (this.#frozen !== null) this.#lag = this.#carrier.clock.now - this.#frozen;
    this.#frozen = null;
    this.onWake?.(this.now());
    if (this.#changeMissed) this.#changed();
    const parked = this.#parked.sort((a, b) => a.at - b.at || a.order - b.order);
    this.#parked = [];
    for (const timer of parked) timer.expire();
    this.poke();
  }

  #changed(): void {
    this.#changeMissed = this.#asleepUntil !== null;
    if (this.#changeMissed) return;
    this.onNetworkChange?.(this.now());
    this.poke();
  }

  #freePort(): number {
    for (let port = this.#nextPort; port <= 65535; port++) {
      if (this.#sockets.has(port)) continue;
      this.#nextPort = port + 1;
      return port;
    }
    throw new RangeError(`host ${this.name} has no free port left`);
  }
}
