/** What a router with Gluon 2023.2 answers, as it comes over the wire; other ids make other routers of it. */
import { deflateRawSync } from 'node:zlib';

/**
 * @param hears quality (0 to 255) by hardware address of a neighbour
 * @param gateway hardware address of the one that it has chosen
 */
export function said(
  id: string,
  mac: string,
  hears: Readonly<Record<string, number>> = {},
  gateway = '02:00:00:00:00:01',
): object {
  const neighbours = Object.fromEntries(
    Object.entries(hears).map(([each, tq]) => [each, { tq, lastseen: 0.4, best: true }]),
  );
  return {
    nodeinfo: {
      node_id: id,
      hostname: `router-${id}`,
      hardware: { model: 'TP-Link TL-WDR4300 v1', nproc: 1 },
      network: {
        mac,
        addresses: ['fe80::1'],
        mesh: { bat0: { interfaces: { wireless: [mac] } } },
        mesh_vpn: { provider: 'fastd', enabled: true, bandwidth_limit: { enabled: false } },
      },
      software: {
        firmware: { base: 'gluon-v2023.2', release: '1.4', target: 'ath79', subtarget: 'generic' },
        autoupdater: { enabled: true, branch: 'stable' },
        'batman-adv': { version: '2023.1-openwrt-1', compat: 15 },
        fastd: { enabled: true, version: 'v22', public_key: '1'.repeat(64) },
        'status-page': { api: 1 },
      },
      system: { site_code: 'fmie', domain_code: 'cork', role: 'node', primary_domain_code: 'cork' },
      location: { latitude: 51.9, longitude: -8.47 },
      owner: { contact: 'ada@example.org' },
    },
    statistics: {
      node_id: id,
      time: 1_790_000_000,
      uptime: 86_400.5,
      idletime: 80_000.1,
      loadavg: 0.12,
      rootfs_usage: 0.1,
      processes: { total: 61, running: 1 },
      memory: { total: 126_000, free: 80_000, available: 90_000, buffers: 2000, cached: 9000 },
      stat: { cpu: { user: 1, system: 2, idle: 3 }, intr: 4, ctxt: 5 },
      clients: { total: 7, wifi: 6, wifi24: 4, wifi5: 2 },
      traffic: { rx: { bytes: 1e12, packets: 1e9 }, tx: { bytes: 5e11 }, forward: { bytes: 7 } },
      gateway,
      gateway_nexthop: mac,
      gateway_tq: 250,
      mesh_vpn: { groups: { backbone: { peers: { tower: { established: 60.5 }, cave: null } } } },
    },
    neighbours: {
      node_id: id,
      batadv: { [mac]: { neighbours } },
      wifi: { [mac]: { neighbours: { '02:00:00:00:00:99': { signal: -60, noise: -95, inactive: 10 } } } },
    },
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
