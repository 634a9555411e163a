/** A running system between two ends, as the measures see it. */
import type { Host } from '@kith/lab';

export interface Link {
  readonly from: Host;
  readonly to: Host;
  /** The far end's address inside the tunnel. */
  readonly target: string;
  /** The system's processes on both ends; empty for the bare cable. */
  readonly ends: readonly number[];
  /** The system's process on the node between; null without one. */
  readonly relay: number | null;
  /** Datagrams per second that passed in the last search, by payload size: where the next one begins. */
  readonly rates: Map<number, number>;
}

/** How long each measure takes. */
export interface Effort {
  /** Seconds of each TCP transfer. */
  readonly tcpSeconds: number;
  /** Echoes of the idle round-trip time. */
  readonly echoes: number;
  /** Seconds of each step of the search for the datagram rate. */
  readonly stepSeconds: number;
  /** Steps of the first search, and of those that begin where it ended. */
  readonly firstSteps: number;
  readonly laterSteps: number;
}

export const MEASURES = [
  'tcp1',
  'tcp4',
  'tcpBoth',
  'udp64',
  'udp1200',
  'relayTcp',
  'rttIdleP50',
  'rttIdleP99',
  'rttLoadP99',
  'cpuPerGB',
  'relayCpuPerGB',
  'rss',
] as const;

export type Measure = (typeof MEASURES)[number];

export const UNITS: Readonly<Record<Measure, string>> = {
  tcp1: 'Gb/s',
  tcp4: 'Gb/s',
  tcpBoth: 'Gb/s',
  udp64: 'packets/s',
  udp1200: 'packets/s',
  relayTcp: 'Gb/s',
  rttIdleP50: 'ms',
  rttIdleP99: 'ms',
  rttLoadP99: 'ms',
  cpuPerGB: 's/GB',
  relayCpuPerGB: 's/GB',
  rss: 'MB',
};

/** What one visit to a link brought. */
export type Found = Partial<Record<Measure, number>>;
