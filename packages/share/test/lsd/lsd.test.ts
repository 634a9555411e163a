import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex, toHex } from '@kith/core';
import fc from 'fast-check';
import { formatLsd, MOST_DATAGRAM, MOST_HASHES, parseLsd } from '../../src/lsd/lsd-codec.ts';
import { LsdSchedule } from '../../src/lsd/lsd-schedule.ts';
import { LsdService } from '../../src/lsd/lsd-service.ts';
import { LOOPBACK_ONLY } from '../../src/net/peer-filter.ts';

const endings: (() => Promise<void>)[] = [];
after(async () => {
  for (const end of endings) await end();
});

const hashOf = (i: number): Uint8Array =>
  Uint8Array.from({ length: 20 }, (_, at) => (at < 2 ? (i >> (8 * at)) & 255 : 7));

describe('datagrams of BEP 14', () => {
  it('are written as specified', () => {
    const hash = fromHex('0102030405060708090a0b0c0d0e0f1011121314');
    assert.equal(
      Buffer.from(formatLsd('239.192.152.143:6771', { port: 6881, infoHashes: [hash], cookie: 'me' })).toString(),
      `BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: ${toHex(hash)}\r\ncookie: me\r\n\r\n\r\n`,
    );
  });

  it('come back as they were, full ones too', () => {
    const announce = {
      port: 6881,
      infoHashes: Array.from({ length: MOST_HASHES }, (_, i) => hashOf(i)),
      cookie: 'kith',
    };
    const bytes = formatLsd('[ff15::efc0:988f]:6771', announce);
    assert.ok(bytes.length <= MOST_DATAGRAM, `${bytes.length} bytes`);
    assert.deepEqual(parseLsd(bytes), announce);
  });

  it('of others are read: upper case, several hashes, no cookie', () => {
    const text = `BT-SEARCH * HTTP/1.1\r\nHOST: 239.192.152.143:6771\r\nPORT: 51413\r\nINFOHASH: ${'AB'.repeat(20)}\r\nINFOHASH: ${'cd'.repeat(20)}\r\n\r\n\r\n`;
    assert.deepEqual(parseLsd(Buffer.from(text)), {
      ...{ port: 51_413, cookie: undefined },
      infoHashes: [new Uint8Array(20).fill(0xab), new Uint8Array(20).fill(0xcd)],
    });
  });

  for (const [what, lines] of [
    ['another method', ['NOTIFY * HTTP/1.1', 'Port: 1', `Infohash: ${'ab'.repeat(20)}`]],
    ['no port', ['BT-SEARCH * HTTP/1.1', `Infohash: ${'ab'.repeat(20)}`]],
    ['port 0', ['BT-SEARCH * HTTP/1.1', 'Port: 0', `Infohash: ${'ab'.repeat(20)}`]],
    ['port 70000', ['BT-SEARCH * HTTP/1.1', 'Port: 70000', `Infohash: ${'ab'.repeat(20)}`]],
    ['no hash', ['BT-SEARCH * HTTP/1.1', 'Port: 1']],
    ['a short hash', ['BT-SEARCH * HTTP/1.1', 'Port: 1', 'Infohash: abcd']],
    ['too many bytes', ['BT-SEARCH * HTTP/1.1', 'Port: 1', `Infohash: ${'ab'.repeat(20)}`, 'x'.repeat(1400)]],
  ] as const) {
    it(`with ${what} are none`, () => assert.equal(parseLsd(Buffer.from(lines.join('\r\n'))), undefined));
  }

  it('of any bytes never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 1500 }), (bytes) => void parseLsd(bytes)));
    fc.assert(
      fc.property(
        fc.string({ maxLength: 500 }),
        (text) => void parseLsd(Buffer.from(`BT-SEARCH * HTTP/1.1\r\n${text}`)),
      ),
    );
  });
});

describe('the schedule of announces', () => {
  it('puts many torrents into few datagrams, a second apart, each every five minutes', () => {
    const schedule = new LsdSchedule();
    for (let i = 0; i < 60; i++) schedule.add(hashOf(i), 0);
    assert.equal(schedule.take(0).length, 25);
    assert.equal(schedule.take(500).length, 0);
    assert.equal(schedule.take(1000).length, 25);
    assert.equal(schedule.take(2000).length, 10);
    assert.equal(schedule.take(60_000).length, 0);
    assert.equal(schedule.nextWake(), 300_000);
    assert.equal(schedule.take(300_000).length, 25);
  });

  it('says nothing twice within a minute, however often a torrent comes and goes', () => {
    const schedule = new LsdSchedule();
    let said = 0;
    for (let now = 0; now < 59_000; now += 100) {
      schedule.add(hashOf(1), now);
      said += schedule.take(now).length;
      schedule.delete(hashOf(1));
      schedule.take(now);
    }
    assert.equal(said, 1);
  });
});

describe('two services on the loopback interface', () => {
  const name =
    Object.entries(networkInterfaces()).find(([, addresses]) => addresses?.some(({ internal }) => internal))?.[0] ??
    'lo';

  it('hear of each other what both want, and nothing of themselves', async () => {
    const heard: Record<string, string[]> = { a: [], b: [] };
    const service = async (who: 'a' | 'b', port: number): Promise<LsdService> => {
      const started = await LsdService.start({
        ...{ port, filter: LOOPBACK_ONLY, interfaces: [name] },
        onPeer: (infoHash, peer) => heard[who]?.push(`${toHex(infoHash)} ${peer.port}`),
      });
      endings.push(() => started.close());
      return started;
    };
    const [a, b] = [await service('a', 7001), await service('b', 7002)];
    assert.ok(a.joined >= 1 && b.joined >= 1);
    const [shared, other] = [randomBytes(20), randomBytes(20)];
    a.add(shared);
    a.add(other);
    b.add(shared);
    for (
      const end = performance.now() + 10_000;
      heard['a']?.length === 0 || heard['b']?.length === 0;
      await sleep(20)
    ) {
      assert.ok(performance.now() < end, `in vain: ${JSON.stringify(heard)}`);
    }
    assert.ok(heard['a']?.every((line) => line === `${toHex(shared)} 7002`));
    assert.ok(heard['b']?.every((line) => line === `${toHex(shared)} 7001`));
  });
});
