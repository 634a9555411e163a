/** Takes a lease as a telephone does, hears who else would give one, and gives it back. */
import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Address } from '@kith/core';
import type { Lease, Offer } from '@kith/gateway';
import { CLIENT_PORT, type DhcpAnswer, dhcpQuestion, type DhcpQuestion, parseDhcpAnswer, SERVER_PORT } from './dhcp.ts';
import { type UdpEnds, udp4Frame } from './frame.ts';
import type { Wire } from './wire.ts';

/** Many servers look for three seconds whether somebody has the address before they offer it (ms). */
const OFFER_TIME = 3600;
const ACK_TIME = 1500;
const AGAIN = 1000;
/** No network has so many servers. */
const MOST_OFFERS = 16;

const BROADCAST: Pick<UdpEnds, 'destinationMac' | 'source' | 'destination'> = {
  destinationMac: 'ff:ff:ff:ff:ff:ff',
  source: '0.0.0.0' as Address,
  destination: '255.255.255.255' as Address,
};

export class Leasing {
  readonly #wire: Pick<Wire, 'send' | 'listen'>;
  readonly #mac: string;
  readonly #transaction: number = randomInt(2 ** 32);
  readonly #offers = new Map<string, Offer>();
  readonly #stop: () => void;
  #verdict: DhcpAnswer | null = null;
  /** When everybody was asked last: a question can get lost while the bridges take up their new ports. */
  #askedAt: number = performance.now();

  /** @param mac that the lease is for */
  constructor(wire: Pick<Wire, 'send' | 'listen'>, mac: string) {
    this.#wire = wire;
    this.#mac = mac;
    this.#stop = wire.listen((frame) => {
      if (frame.type !== 'udp4' || frame.destinationPort !== CLIENT_PORT) return;
      const answer = parseDhcpAnswer(frame.payload);
      if (answer?.transaction !== this.#transaction) return;
      const { server, address } = answer;
      if (answer.type !== 'offer') this.#verdict = answer;
      else if (this.#offers.size < MOST_OFFERS)
        this.#offers.set(`${server} ${frame.sourceMac}`, { server, mac: frame.sourceMac, address });
    });
  }

  /** @param mine the server whose offer is taken where there are several */
  async take(mine: Address): Promise<Lease | null> {
    const ask = (question: Pick<DhcpQuestion, 'type' | 'address' | 'server'>): void => {
      const ends = { ...BROADCAST, sourceMac: this.#mac, sourcePort: CLIENT_PORT, destinationPort: SERVER_PORT };
      const whole = { ...question, transaction: this.#transaction, mac: this.#mac };
      this.#wire.send(udp4Frame(ends, dhcpQuestion(whole)));
    };
    const discover = (): void => {
      this.#askedAt = performance.now();
      ask({ type: 'discover', address: null, server: null });
    };
    await repeat(OFFER_TIME, discover, () => this.#offers.size > 0);
    const offers = [...this.#offers.values()];
    const taken = offers.find(({ server }) => server === mine) ?? offers[0];
    if (taken === undefined) return null;
    await repeat(
      ACK_TIME,
      () => ask({ type: 'request', ...taken }),
      () => this.#verdict !== null,
    );
    return leaseOf(this.#verdict);
  }

  /** Everybody's offers, once the slow ones had their time. */
  async offers(): Promise<Offer[]> {
    await wait(Math.max(0, this.#askedAt + OFFER_TIME - performance.now()));
    return [...this.#offers.values()];
  }

  /** Gives a lease back; the server says nothing to that. */
  giveBack({ address, server }: Lease): void {
    const from = [...this.#offers.values()].find((offer) => offer.server === server);
    if (from === undefined) return;
    const ends: UdpEnds = {
      sourceMac: this.#mac,
      destinationMac: from.mac,
      source: address,
      destination: server,
      sourcePort: CLIENT_PORT,
      destinationPort: SERVER_PORT,
    };
    const transaction = randomInt(2 ** 32);
    this.#wire.send(udp4Frame(ends, dhcpQuestion({ type: 'release', transaction, mac: this.#mac, address, server })));
  }

  close(): void {
    this.#stop();
  }
}

function leaseOf(answer: DhcpAnswer | null): Lease | null {
  if (answer?.type !== 'ack') return null;
  const { server, address, netmask, routers, dns, ntp, mtu, domain, time } = answer;
  return { server, address, netmask, routers, dns, ntp, mtu, domain, time };
}

/** Does it now and each second until `done` says so or the time (ms) is over. */
export async function repeat(time: number, act: () => void, done: () => boolean): Promise<void> {
  const end = performance.now() + time;
  for (let next = 0; !done() && performance.now() < end;) {
    if (performance.now() >= next) {
      act();
      next = performance.now() + AGAIN;
    }
    await wait(20);
  }
}
