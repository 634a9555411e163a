/**
 * Two data planes given the same random life must send, write, report and count the same. Used to hold one
 * implementation against another; run over a single one it is a fuzz test.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePrefix, type Prefix } from '@kith/core';
import type { Path, PlanePeer } from '@kith/mesh';
import {
  aesSealed,
  control,
  endpoint,
  handshake,
  ipv4,
  ipv6,
  keyOf,
  nodeId,
  peerHandle,
  relayFrame,
  Rig,
  sealed,
  session,
  type MakePlane,
} from './rig.ts';

/** Prefixes that nest in each other, so that peers quarrel about them. */
const PREFIXES: readonly Prefix[] = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.0.0.0/30',
  '10.0.0.1/32',
  'fd00::/16',
  'fd00::1/128',
]
  .map((text) => parsePrefix(text))
  .concat(Array.from({ length: 4 }, (_, i) => parsePrefix(`10.0.0.${i}/32`)));

type Step = { readonly after: number; readonly act: (rig: Rig, now: number) => void };

const small = fc.integer({ min: 1, max: 3 });
const index = fc.integer({ min: 1, max: 6 });
const id = fc.integer({ min: 1, max: 4 }).map(nodeId);
const body = fc.uint8Array({ maxLength: 40 });

const path: fc.Arbitrary<Path | null> = fc.oneof(
  fc.constant(null),
  small.map((n): Path => ({ kind: 'direct', endpoint: endpoint(n) })),
  fc.tuple(small, id).map(([hop, dst]): Path => ({ kind: 'relay', hop: endpoint(hop), dst })),
);

const peer: fc.Arbitrary<PlanePeer> = fc.record({
  peer: small.map(peerHandle),
  allowed: fc.uniqueArray(fc.constantFrom(...PREFIXES), { maxLength: 4 }),
  path,
  gate: fc.constantFrom('open' as const, 'open' as const, 'closed' as const),
  cipher: fc.constantFrom('chacha20-poly1305' as const, 'aes-256-gcm' as const),
  keepAlive: fc.constantFrom(0, 0, 1, 25),
});

const packet: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 }), fc.integer({ min: 20, max: 90 }))
    .map(([from, to, size]) => ipv4(`10.0.0.${from}`, `10.0.0.${to}`, size)),
  fc.tuple(small, small).map(([from, to]) => ipv6(`fd00::${from}`, `fd00::${to}`)),
  fc.uint8Array({ maxLength: 64 }),
);

const plaintext: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constant(new Uint8Array(0)),
  packet,
  fc.tuple(fc.integer({ min: 0, max: 15 }), body).map(([type, bytes]) => control(type, bytes)),
);

const counter = fc.oneof(
  fc.integer({ min: 0, max: 8 }),
  fc.integer({ min: 8180, max: 8200 }),
  fc.constantFrom(2n ** 32n, 2n ** 53n, 2n ** 64n - 1n),
);

const message: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(index, counter, plaintext).map(([to, n, text]) => sealed(keyOf(2), to, n, text)) },
  {
    weight: 4,
    arbitrary: fc.tuple(index, counter, plaintext).map(([to, n, text]) => aesSealed(keyOf(12), to, n, text)),
  },
  { weight: 1, arbitrary: fc.constantFrom(handshake(1), handshake(2), handshake(3)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
);

const frame: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.integer({ min: 0, max: 12 }), id, id, message, fc.constantFrom(0, 0, 0, 0, 1))
  .map(([ttl, dst, src, inner, flags]) => relayFrame(ttl, dst, src, inner, flags));

/** A datagram, now and then with one byte changed or its end cut off. */
const datagram: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.oneof(message, message, frame), fc.nat(7), fc.nat(), fc.integer({ min: 1, max: 255 }))
  .map(([bytes, fate, at, flip]) => {
    if (fate === 0) return bytes.subarray(0, at % (bytes.length + 1));
    if (fate > 1 || bytes.length === 0) return bytes;
    const changed = Uint8Array.from(bytes);
    changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ flip;
    return changed;
  });

/** Errors of the caller are part of what must agree. */
function attempt(rig: Rig, work: () => unknown): void {
  let outcome: unknown;
  try {
    outcome = work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    outcome = 'RangeError';
  }
  outcomes.get(rig)?.push(outcome);
}

const outcomes = new WeakMap<Rig, unknown[]>();

const act: fc.Arbitrary<Step['act']> = fc.oneof(
  { weight: 3, arbitrary: peer.map((spec) => (rig: Rig, now: number) => rig.plane.setPeer(spec, now)) },
  { weight: 1, arbitrary: small.map((n) => (rig: Rig) => rig.plane.removePeer(peerHandle(n))) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        small,
        index,
        fc.constantFrom('initiator' as const, 'responder' as const),
        fc.integer({ min: 1, max: 5000 }),
      )
      .map(([n, local, role, life]) => (rig: Rig, now: number) => {
        attempt(rig, () => rig.plane.setSession(session(n, local, { role, expiresAt: now + life }), now));
      }),
  },
  { weight: 1, arbitrary: index.map((local) => (rig: Rig) => rig.plane.removeSession(local)) },
  {
    weight: 1,
    arbitrary: fc.tuple(id, fc.option(small)).map(
      ([dst, hop]) =>
        (rig: Rig) =>
          rig.plane.setNextHop(dst, hop === null ? null : endpoint(hop)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.array(small, { maxLength: 3 }).map((hops) => (rig: Rig) => {
      rig.plane.setRelaySources(hops.map(endpoint));
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(small, fc.integer({ min: 0, max: 16 }), body, path)
      .map(([n, type, bytes, by]) => (rig: Rig, now: number) => {
        attempt(rig, () => rig.plane.sendControl(peerHandle(n), type, bytes, by, now));
      }),
  },
  {
    weight: 1,
    arbitrary: small.map((n) => (rig: Rig, now: number) => {
      attempt(rig, () => rig.plane.sendKeepAlive(peerHandle(n), now));
    }),
  },
  { weight: 8, arbitrary: packet.map((bytes) => (rig: Rig, now: number) => rig.plane.handlePacket(bytes, now)) },
  {
    weight: 12,
    arbitrary: fc.tuple(datagram, small).map(([bytes, from]) => (rig: Rig, now: number) => {
      rig.plane.handleDatagram(bytes, endpoint(from), now);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.constant((rig: Rig, now: number) => rig.plane.tick(now)),
  },
);

/** The life of one plane, as it shows from outside, one line per step. */
function live(make: MakePlane, steps: readonly Step[], limits: { queuePerPeer: number }): readonly unknown[] {
  const rig = new Rig(make, limits);
  outcomes.set(rig, []);
  rig.plane.setSelf(nodeId(1));
  const out: unknown[] = [];
  let now = 0;
  for (const step of steps) {
    now += step.after;
    step.act(rig, now);
    const peers = [1, 2, 3].map((n) => rig.plane.peerCounters(peerHandle(n)));
    for (const counters of peers) assert((counters?.queued ?? 0) <= limits.queuePerPeer);
    out.push({
      sent: rig.takeSent(),
      written: rig.takeWritten(),
      reports: rig.takeReports(),
      outcome: outcomes.get(rig)?.splice(0),
      counters: rig.plane.counters(),
      peers,
    });
    const wake = rig.plane.wakeAt();
    // Deadlines are lower bounds, so planes may differ in them; a plane that is called in time must never be overdue.
    rig.plane.tick(now);
    assert((rig.plane.wakeAt() ?? Number.POSITIVE_INFINITY) > now, `tick(${now}) leaves a deadline behind: ${wake}`);
  }
  return out;
}

export interface DifferentialOptions {
  readonly runs: number;
  readonly seed?: number;
}

/** Fails with the shortest life in which the two planes differ. */
export function differential(make: MakePlane, reference: MakePlane, options: DifferentialOptions): void {
  const step = fc.tuple(fc.constantFrom(0, 1, 300, 1000, 3000), act).map(([after, run]): Step => ({ after, act: run }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limits = { queuePerPeer: 3 };
      assert.deepEqual(live(make, steps, limits), live(reference, steps, limits));
    }),
    { numRuns: options.runs, ...(options.seed === undefined ? {} : { seed: options.seed }) },
  );
}
