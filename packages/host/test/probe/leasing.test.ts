import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressBytes, parseAddress } from '@kith/core';
import { CLIENT_PORT, SERVER_PORT } from '../../src/probe/dhcp.ts';
import { type Frame, parseFrame, udp4Frame } from '../../src/probe/frame.ts';
import { Leasing } from '../../src/probe/leasing.ts';

const OWN = parseAddress('10.70.0.2');
const STRANGER = parseAddress('10.70.0.3');
const MAC = '02:00:00:00:00:01';

/** What a server answers a question with, as the frame that a client gets. */
function answer(question: Uint8Array, server: typeof OWN, type: number): Frame {
  const payload = new Uint8Array(300);
  payload.set(question.subarray(0, 240));
  payload[0] = 2;
  payload.set([10, 70, 1, server === OWN ? 5 : 6], 16);
  payload.set([53, 1, type, 54, 4, ...addressBytes(server), 255], 240);
  const frame = parseFrame(
    udp4Frame(
      {
        sourceMac: server === OWN ? '02:00:00:00:00:02' : '02:00:00:00:00:03',
        destinationMac: MAC,
        source: server,
        destination: parseAddress('255.255.255.255'),
        sourcePort: SERVER_PORT,
        destinationPort: CLIENT_PORT,
      },
      payload,
    ),
  );
  assert.ok(frame !== null, 'a frame that is understood');
  return frame;
}

test('a server that looks for 3 s whether an address is free is heard, though the first question got lost', async () => {
  let listener: (frame: Frame) => void = () => undefined;
  let asked = 0;
  const leasing = new Leasing(
    {
      listen: (to) => {
        listener = to;
        return () => undefined;
      },
      send: (bytes) => {
        asked++;
        const frame = parseFrame(bytes);
        if (asked === 1 || frame?.type !== 'udp4') return;
        const question = frame.payload;
        if (asked > 2) return void setImmediate(() => listener(answer(question, OWN, 5)));
        setImmediate(() => listener(answer(question, OWN, 2)));
        setTimeout(() => listener(answer(question, STRANGER, 2)), 3000);
      },
    },
    MAC,
  );
  const lease = await leasing.take(OWN);
  assert.equal(lease?.server, OWN);
  assert.equal(lease.address, '10.70.1.5');
  const offers = await leasing.offers();
  assert.deepEqual(
    offers.map(({ server, address }) => `${server} ${address}`),
    ['10.70.0.2 10.70.1.5', '10.70.0.3 10.70.1.6'],
  );
});
