/** What a router with Gluon 2023.2 answers, as it comes over the wire; other ids make other routers of it. */
import { deflateRawSync } from 'node:zlib';

export function said(id: string, mac: string, hears: Readonly<Record<string, number>> = {}): object {
  const neighbours = Object.fromEntries(
    Object.entries(hears).map(([each, tq]) => [each, { tq, lastseen: 0.4, best: true }]),
  );
  return {
    nodeinfo: {
      node_id: id,
      hostname: `router-${id}`,
      hardware: { model: 'TP-Link TL-WDR4300 v1', nproc: 1 },
      network: { mac, addresses: ['fe80::1'], mesh: { bat0: { interfaces: { wireless: [mac] } } } },
      software: {
        firmware: { base: 'gluon-v2023.2', release: '1.4' },
        autoupdater: { enabled: true, branch: 'stable' },
      },
      system: { site_code: 'fmie', domain_code: 'cork', role: 'node' },
      location: { latitude: 51.9, longitude: -8.47 },
    },
    statistics: {
      node_id: id,
      uptime: 86_400.5,
      loadavg: 0.12,
      memory: { total: 126_000, free: 80_000, available: 90_000 },
      clients: { total: 7, wifi: 6, wifi24: 4, wifi5: 2 },
      traffic: { rx: { bytes: 1e12, packets: 1e9 }, tx: { bytes: 5e11 } },
    },
    neighbours: { node_id: id, batadv: { [mac]: { neighbours } } },
  };
}

export function deflated(documents: object): Buffer {
  return deflateRawSync(JSON.stringify(documents));
}

export function answer(id = 'a', mac = '02:00:00:00:00:01'): Buffer {
  return deflated(said(id, mac));
}

/** Raw DEFLATE of half a gigabyte of blanks in half a megabyte; cut to what one datagram carries it is still a bomb. */
export function bomb(): Buffer {
  return deflateRawSync(Buffer.alloc(32 << 20, ' '), { level: 9 });
}
