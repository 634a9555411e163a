/**
 * How fast the simulated network is: events per second of the bare clock, and datagrams per second through NATs.
 * Run: node --conditions=source bench/sim.ts
 */
import { endpointOf } from '@kith/core';
import type { Endpoint } from '@kith/core';
import { Random, Simulation, VirtualClock } from '@kith/sim';

const EVENTS = 3_000_000;
const DATAGRAMS = 500_000;

function report(what: string, count: number, work: () => void): void {
  const start = process.hrtime.bigint();
  work();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  console.log(`${what.padEnd(60)} ${(count / seconds / 1e6).toFixed(2)} M/s`);
}

/** `waiting` chains of events, each of which schedules its next at a random time. */
function clock(waiting: number): void {
  const virtual = new VirtualClock();
  const random = new Random('bench');
  let left = EVENTS - waiting;
  const step = (): void => {
    if (left-- > 0) virtual.schedule(virtual.now + random.next() * 100, step);
  };
  for (let i = 0; i < waiting; i++) virtual.schedule(random.next() * 100, step);
  virtual.run(Number.MAX_SAFE_INTEGER);
}

/** Hosts behind `nats` NATs, each with one flow to a public host that answers. */
function datagrams(nats: number): void {
  const sim = new Simulation({ seed: 'bench' });
  const server = sim.network.host('server').bind(6550);
  server.onDatagram = (bytes, from) => server.send(bytes, from);
  const to: Endpoint = endpointOf(sim.network.hosts[0]?.address ?? fail(), 6550);
  let left = DATAGRAMS / 2;
  const bytes = new Uint8Array(148);
  for (let i = 0; i < nats; i++) {
    const socket = sim.network.host(`h${i}`, { on: sim.network.nat(`n${i}`), link: { jitter: 5 } }).bind(6550);
    socket.onDatagram = () => {
      if (left-- > 0) socket.send(bytes, to);
    };
    left--;
    socket.send(bytes, to);
  }
  sim.run(100_000_000);
}

function fail(): never {
  throw new Error('the network has no host');
}

for (const waiting of [100, 10_000, 100_000]) {
  report(`clock, ${waiting} events waiting: events`, EVENTS, () => clock(waiting));
}
for (const nats of [10, 500]) {
  report(`network, ${nats} hosts behind NATs: datagrams of 148 B`, DATAGRAMS, () => datagrams(nats));
}
