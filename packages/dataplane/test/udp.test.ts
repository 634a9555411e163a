/** The UDP port on loopback. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, it } from 'node:test';
import { KithError, parseEndpoint, utf8 } from '@kith/core';
import { UdpPort } from '../src/udp.ts';
import { until } from './wait.ts';

type Got = [text: string, from: string];

async function port(got: Got[] = [], number = 0): Promise<UdpPort> {
  return UdpPort.bind({
    port: number,
    loopback: true,
    onDatagram: (bytes, from) => got.push([Buffer.from(bytes).toString(), from]),
  });
}

describe('UDP port', () => {
  it('carries datagrams of both families under one number and names their senders', async () => {
    const got: Got[] = [];
    const a = await port();
    const b = await port(got);
    a.send(utf8('four'), parseEndpoint(`127.0.0.1:${b.localPort}`));
    a.send(utf8('six'), parseEndpoint(`[::1]:${b.localPort}`));
    await until('both datagrams', () => got.length === 2);
    assert.deepEqual(
      new Map(got),
      new Map([
        ['four', `127.0.0.1:${a.localPort}`],
        ['six', `[::1]:${a.localPort}`],
      ]),
    );
    await Promise.all([a.close(), b.close()]);
  });

  it('says which port is in use, for either family', async () => {
    const first = await port();
    await assert.rejects(port([], first.localPort), (error) => {
      assert(error instanceof KithError);
      assert.equal(error.code, 'PORT_IN_USE');
      assert.match(error.message, new RegExp(`UDP port ${first.localPort} `));
      return true;
    });
    await first.close();
    const six = createSocket({ type: 'udp6', ipv6Only: true });
    await new Promise<void>((resolve) => six.bind(0, '::1', resolve));
    await assert.rejects(port([], six.address().port), { code: 'PORT_IN_USE' });
    const free = createSocket('udp4');
    await new Promise<void>((resolve) => free.bind(six.address().port, '127.0.0.1', resolve));
    free.close();
    six.close();
  });

  it('counts what cannot be sent and goes on', async () => {
    const got: Got[] = [];
    const a = await port();
    const b = await port(got);
    a.send(new Uint8Array(70_000), parseEndpoint(`127.0.0.1:${b.localPort}`));
    await until('the error', () => a.counters().sendErrors === 1);
    a.send(utf8('next'), parseEndpoint(`127.0.0.1:${b.localPort}`));
    await until('the datagram behind it', () => got.length === 1);
    await Promise.all([a.close(), b.close()]);
    a.send(utf8('late'), parseEndpoint(`127.0.0.1:${b.localPort}`));
    assert.equal(a.counters().sendErrors, 2);
    await a.close();
  });

  it('survives a receiver that is not there', async () => {
    const got: Got[] = [];
    const a = await port();
    const gone = await port();
    await gone.close();
    for (let i = 0; i < 5; i++) a.send(utf8('lost'), parseEndpoint(`127.0.0.1:${gone.localPort}`));
    const b = await port(got);
    a.send(utf8('found'), parseEndpoint(`127.0.0.1:${b.localPort}`));
    await until('the datagram', () => got.length === 1);
    await Promise.all([a.close(), b.close()]);
  });
});
