/** What a client without an address says and hears, as bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address } from '@kith/core';
import fc from 'fast-check';
import { parseAdvertisement } from '../../src/probe/advertisement.ts';
import { dhcpQuestion, parseDhcpAnswer } from '../../src/probe/dhcp.ts';
import {
  arpProbe,
  type Frame,
  parseFrame,
  routerSolicitation,
  udp4Frame,
  type UdpEnds,
} from '../../src/probe/frame.ts';

const MAC = '02:00:00:00:00:01';
const ENDS: UdpEnds = {
  sourceMac: MAC,
  destinationMac: '02:00:00:00:00:02',
  source: '10.70.1.9' as Address,
  destination: '10.70.0.2' as Address,
  sourcePort: 68,
  destinationPort: 67,
};

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
}

/** Ones' complement sum of 16-bit words: 0xffff over what carries a right checksum. */
function sum(...parts: readonly Uint8Array[]): number {
  let total = 0;
  for (const part of parts)
    for (let i = 0; i < part.length; i += 2) total += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

test('a datagram is read as it was written, with checksums that hold', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 600 }), (payload) => {
      const frame = udp4Frame(ENDS, payload);
      assert.deepEqual(parseFrame(frame), { type: 'udp4', ...ENDS, payload });
      assert.equal(sum(frame.subarray(14, 34)), 0xffff);
      const length = 8 + payload.length;
      const pseudo = Uint8Array.of(0, 17, length >> 8, length & 0xff);
      assert.equal(sum(frame.subarray(26, 34), pseudo, frame.subarray(34, 34 + length)), 0xffff);
    }),
  );
});

test('an echo of our own question is no answer', () => {
  assert.equal(parseFrame(arpProbe(MAC, ENDS.destination)), null);
});

test('who answers for an address is told by what the answer says, not by the frame', () => {
  const frame = bytes(
    'ffffffffffff 0a0000000009 0806 0001 0800 06 04 0002 0a0000000007 0a460002 020000000001 00000000',
  );
  assert.deepEqual(parseFrame(frame), { type: 'arp-answer', mac: '0a:00:00:00:00:07', address: '10.70.0.2' });
});

test('a question for routers comes from nobody and is for all routers', () => {
  const frame = parseFrame(routerSolicitation(MAC));
  assert.ok(frame?.type === 'icmp6');
  assert.deepEqual([frame.mac, frame.source, frame.hopLimit, frame.payload[0]], [MAC, '::', 255, 133]);
});

test('whatever comes over the wire is a frame or nothing, cut anywhere', () => {
  const whole = udp4Frame(ENDS, new Uint8Array(20));
  for (let length = 0; length < 62; length++) assert.equal(parseFrame(whole.slice(0, length)), null);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0x0800, 0x0806, 0x86dd), (noise, type) => {
      if (noise.length > 13) [noise[12], noise[13]] = [type >> 8, type & 0xff];
      parseFrame(noise);
    }),
  );
});

/** An answer of a server with these options. */
function answer(options: string): Uint8Array {
  const out = new Uint8Array(240 + options.replaceAll(/\s/g, '').length / 2);
  out.set([2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef], 0);
  out.set([10, 70, 1, 9], 16);
  out.set([0x63, 0x82, 0x53, 0x63], 236);
  out.set(bytes(options), 240);
  return out;
}

const OFFER = '350102 36040a460002';

test('an offer is read with everything that a client was promised', () => {
  const options = `${OFFER} 0104ffff0000 03040a460002 06080a4600020a460003 2a040a460002 1a0205d4 0f04666d6965 330400000258 ff`;
  assert.deepEqual(parseDhcpAnswer(answer(options)), {
    type: 'offer',
    transaction: 0xdeadbeef,
    address: '10.70.1.9',
    server: '10.70.0.2',
    netmask: '255.255.0.0',
    routers: ['10.70.0.2'],
    dns: ['10.70.0.2', '10.70.0.3'],
    ntp: ['10.70.0.2'],
    mtu: 1492,
    domain: 'fmie',
    time: 600,
  });
});

test('an option of a wrong length promises nothing', () => {
  const read = parseDhcpAnswer(answer(`${OFFER} 1a0105 0403010203 3302ffff ff`));
  assert.deepEqual([read?.mtu, read?.routers, read?.time], [null, [], null]);
});

test('what is no answer of a server is none', () => {
  assert.equal(parseDhcpAnswer(answer('350102 ff')), null, 'without a server');
  assert.equal(parseDhcpAnswer(answer('350101 36040a460002 ff')), null, 'a discovery');
  assert.equal(parseDhcpAnswer(answer('350102 36080a46 ff')), null, 'an option beyond the end');
  assert.equal(parseDhcpAnswer(answer(`${OFFER} 03040a46`)), null, 'cut short behind what matters');
  const question = { type: 'discover', transaction: 7, mac: MAC, address: null, server: null } as const;
  assert.equal(parseDhcpAnswer(dhcpQuestion(question)), null);
});

test('noise among options is an answer or nothing', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      (noise) => void parseDhcpAnswer(answer(Buffer.from(noise).toString('hex'))),
    ),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => void parseDhcpAnswer(noise)));
});

function advertised(
  options: string,
  changes: Partial<Frame & { type: 'icmp6' }> = {},
): ReturnType<typeof parseAdvertisement> {
  const payload = bytes(`86 00 0000 40 00 0258 00000000 00000000 ${options}`);
  return parseAdvertisement({
    type: 'icmp6',
    mac: MAC,
    source: 'fe80::1' as Address,
    hopLimit: 255,
    payload,
    ...changes,
  });
}

const PREFIX = '0304 40 c0 00000e10 00000e10 00000000 fd700000000000000000000000000000';
const RESOLVER = '1903 0000 00000258 fd700000000000000000000000000002';

test('an advertisement tells prefix, size and resolvers', () => {
  assert.deepEqual(advertised(`${PREFIX} 0501 0000 000005d4 ${RESOLVER}`), {
    router: 'fe80::1',
    mac: MAC,
    lifetime: 600,
    mtu: 1492,
    prefixes: [{ prefix: 'fd70::/64', autonomous: true, lifetime: 3600 }],
    dns: ['fd70::2'],
  });
});

test('a resolver whose time is over is none', () => {
  assert.deepEqual(advertised(RESOLVER.replace('00000258', '00000000'))?.dns, []);
});

test('an advertisement from elsewhere, or a broken one, is none', () => {
  assert.equal(advertised('', { hopLimit: 64 }), null, 'it came through a router');
  assert.equal(advertised('', { source: '2001:db8::1' as Address }), null);
  assert.equal(advertised('0300'), null, 'an option without a length never ends');
  assert.equal(advertised('0304 4000'), null, 'cut short');
});

test('noise among its options is an advertisement or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => void advertised(Buffer.from(noise).toString('hex'))),
  );
});
