/** Hole punching between kinds of NAT: outcomes as in Ford, Srisuresh and Kegel (2005) and RFC 5128 section 3.3. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NAT_KINDS } from '@kith/sim';
import type { Attachable, NatKind, Network } from '@kith/sim';
import { at, simulation, talker } from './support.ts';
import type { Talker } from './support.ts';

const KINDS = ['open', 'firewall', 'fullCone', 'addressRestricted', 'portRestricted', 'symmetric', 'blocked'] as const;
type Kind = (typeof KINDS)[number];

/** Rows and columns in the order of KINDS: 1 where both ends hear each other. */
const OUTCOMES: readonly (readonly [Kind, string])[] = [
  ['open', '1111110'],
  ['firewall', '1111100'],
  ['fullCone', '1111110'],
  ['addressRestricted', '1111110'],
  ['portRestricted', '1111100'],
  ['symmetric', '1011000'],
  ['blocked', '0000000'],
];

function place(network: Network, name: string, kind: Kind): Attachable {
  if (kind === 'open') return network.internet;
  if (kind === 'firewall') return network.firewall(name);
  const nat: Partial<NatKind> = kind === 'blocked' ? { udp: false } : NAT_KINDS[kind];
  return network.nat(name, nat);
}

/** Both ends learn their endpoints from a server, get each other's, and send three times to the last one seen. */
function punch(a: Kind, b: Kind): boolean {
  const sim = simulation(`punch ${a} ${b}`);
  const { network } = sim;
  const server = talker(network.host('server'));
  const ends = (
    [
      ['a', a],
      ['b', b],
    ] as const
  ).map(([name, kind]) => talker(network.host(name, { on: place(network, `box ${name}`, kind) })));
  const reflexive = ends.map((end) => {
    const before = server.heard.length;
    end.say('where am I?', at(server));
    sim.run(100);
    return server.heard[before]?.from;
  });
  const isPeer = (end: Talker) => end.heard.some(({ text }) => text === 'ack');
  for (let attempt = 0; attempt < 3; attempt++) {
    for (const [i, end] of ends.entries()) {
      const peer = end.heard.at(-1)?.from ?? reflexive[1 - i];
      if (peer !== undefined) end.say(end.heard.length > 0 ? 'ack' : 'try', peer);
    }
    sim.run(500);
  }
  return ends.every(isPeer);
}

for (const [a, row] of OUTCOMES) {
  for (const [column, b] of KINDS.entries()) {
    const works = row[column] === '1';
    test(`${a} and ${b} ${works ? 'reach each other' : 'need a relay'}`, () => {
      assert.equal(punch(a, b), works);
    });
  }
}
