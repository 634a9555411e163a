/** Nodes of ours that know each other, for programs of others to meet. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { parsePrefix, toHex } from '@kith/core';
import { within } from '@kith/share';
import type { dht } from '@kith/torrent';
import { DhtService } from '../../../src/dht/dht-service.ts';
import { until } from '../../until.ts';

export interface Neighbourhood {
  readonly services: readonly DhtService[];
  /** `INFO_HASH IP PORT` of whoever was found. */
  readonly found: string[];
  readonly events: dht.DhtEvent[];
  close(): Promise<void>;
}

export async function neighbourhood(address: string, count: number): Promise<Neighbourhood> {
  const services: DhtService[] = [];
  const found: string[] = [];
  const events: dht.DhtEvent[] = [];
  for (let i = 0; i < count; i++) {
    services.push(
      await DhtService.start({
        port: 0,
        addresses: [address],
        filter: within([parsePrefix('127.0.0.0/8'), parsePrefix('10.99.0.0/24')]),
        exemptLocal: true,
        bootstrap: services.map(({ port }) => ({ host: address, port })),
        onPeers: (infoHash, peers) => {
          for (const { ip, port } of peers) found.push(`${toHex(infoHash)} ${ip} ${port}`);
        },
        listener: (event) => events.push(event),
        // Others have to be found while the test looks on.
        limits: { urgentInterval: 2000, announceInterval: 2000 },
      }),
    );
  }
  const close = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.close()));
  };
  const known = () => services.every(({ nodes }) => nodes.every((node) => node.nodes >= count - 1 && node.ready));
  await until(known, () => `they know ${services.map(({ nodes }) => nodes[0]?.nodes).join(' ')} nodes`, 20_000);
  return { services, found, events, close };
}

/** Who connects here, by the info-hash of its handshake. */
export async function listener(
  address: string,
): Promise<{ port: number; asked: string[]; close: () => Promise<void> }> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    let head = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      head = Buffer.concat([head, bytes]);
      if (head.length >= 48) {
        asked.push(head.subarray(28, 48).toString('hex'));
        socket.destroy();
      }
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  assert.ok(typeof bound === 'object' && bound !== null);
  return { port: bound.port, asked, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
