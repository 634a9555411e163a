import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Lab, LabError, parsePcap } from '../src/index.ts';
import { Peer } from './peer.ts';

/** A pcap file with these packets, in either byte order. */
function pcap(packets: readonly Uint8Array[], little: boolean): Buffer {
  const words = (...values: number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) {
      if (little) bytes.writeUInt32LE(value, 4 * i);
      else bytes.writeUInt32BE(value, 4 * i);
    }
    return bytes;
  };
  const head = words(0xa1b2c3d4, 0, 0, 0, 262_144, 1);
  return Buffer.concat([head, ...packets.flatMap((data, i) => [words(i, 500, data.length, data.length), data])]);
}

describe('a capture', () => {
  it('finds the bytes that passed, and only those', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      const [one, two] = [await lab.host('one', { on: internet }), await lab.host('two', { on: internet })];
      const [atOne] = [await Peer.start(one, 6550), await Peer.start(two, 7000)];
      const everything = await lab.capture(internet);
      const filtered = await lab.capture(two, { iface: 'eth0', filter: 'udp port 7001' });
      atOne.send(two.address, 7000, 'a secret in the clear');
      atOne.send(two.address, 7001, 'to another port');
      await everything.waitFor('to another port');
      await filtered.waitFor('to another port');
      assert.equal(everything.contains('a secret in the clear'), true);
      assert.equal(everything.contains('never sent'), false);
      assert.equal(filtered.contains('a secret in the clear'), false);
      assert.ok(parsePcap(await everything.stop()).length >= 2);
      await assert.rejects(lab.capture(one, { filter: 'no such filter' }), /tcpdump did not begin to listen.*syntax/s);
    } finally {
      await lab.close();
    }
  });

  it('misses nothing of a burst', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      const [one, two] = [await lab.host('one', { on: internet }), await lab.host('two', { on: internet })];
      const capture = await lab.capture(internet);
      await one.run(['ping', '-q', '-c', '50', '-l', '50', two.address]);
      await one.run(['ping', '-q', '-c', '1', '-p', '6c617374', two.address]);
      await capture.waitFor('lastlast');
      // Each of 50 questions and answers is seen at two cables and two bridges.
      // The last one only ends the wait: at its first sight, its others are still to come.
      const echoes = parsePcap(await capture.stop()).filter(
        ({ data }) => data.length === 104 && !Buffer.from(data).includes('lastlast'),
      );
      assert.equal(echoes.length, 50 * 2 * 4);
    } finally {
      await lab.close();
    }
  });

  it('refuses to grow without bounds', async () => {
    const lab = await Lab.create();
    try {
      const internet = await lab.internet();
      const [one, two] = [await lab.host('one', { on: internet }), await lab.host('two', { on: internet })];
      const [atOne] = [await Peer.start(one, 6550), await Peer.start(two, 7000)];
      const capture = await lab.capture(two, { maxBytes: 1000 });
      for (let i = 0; i < 5; i++) atOne.send(two.address, 7000, 'x'.repeat(500));
      await assert.rejects(capture.waitFor('never'), /grew beyond 1000 bytes/);
    } finally {
      await lab.close();
    }
  });

  it('is read back packet by packet, whatever the byte order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), fc.boolean(), (packets, little) => {
        const read = parsePcap(pcap(packets, little));
        assert.deepEqual(
          read.map((packet) => [packet.time, [...packet.data]]),
          packets.map((data, i) => [i * 1000 + 0.5, [...data]]),
        );
      }),
    );
  });

  it('that was cut off gives its whole packets, and one that is none is refused', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 5 }), fc.nat(), (packets, cut) => {
        const file = pcap(packets, true);
        const read = parsePcap(file.subarray(0, cut % (file.length + 1)));
        assert.deepEqual(
          read.map((packet) => [...packet.data]),
          packets.slice(0, read.length).map((data) => [...data]),
        );
      }),
    );
    assert.throws(() => parsePcap(Buffer.alloc(24)), LabError);
    assert.throws(() => parsePcap(pcap([new Uint8Array(262_145)], true)), /a packet of 262145 bytes/);
  });
});
