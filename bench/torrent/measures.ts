/** What is measured, and in which unit. A case stands before its measures: `1MiB.wall`. */

/** The contents that are moved from one peer to another. */
export const CASES = ['1MiB', '16KiB', 'manyFiles'] as const;
export type Case = (typeof CASES)[number];

export const PARTS = ['transfer', 'swarm8', 'idle1000', 'announces', 'webrtc', 'browser'] as const;
export type Part = (typeof PARTS)[number];

const OF_A_TRANSFER = { wall: 'MB/s', seedCpu: 's/GiB', leechCpu: 's/GiB', rss: 'MB', seedRss: 'MB' } as const;
export type TransferMeasure = keyof typeof OF_A_TRANSFER;

export const UNITS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    CASES.flatMap((name) => Object.entries(OF_A_TRANSFER).map(([measure, unit]) => [`${name}.${measure}`, unit])),
  ),
  'webrtc.wall': 'MB/s',
  'browser.wall': 'MB/s',
  'swarm8.wall': 's',
  'swarm8.seedSent': '× content',
  'idle1000.start': 's',
  'idle1000.rss': 'MB',
  'idle1000.cpu': '%',
  'announces.udp': '1/s',
  'announces.http': '1/s',
  'announces.ws': '1/s',
  'announces.wsOffers': '1/s',
  'announces.udpCpu': 'µs',
  'announces.httpCpu': 'µs',
  'announces.wsCpu': 'µs',
  'announces.wsOffersCpu': 'µs',
  'announces.wsMemory': 'B/peer',
};
