/** The result as a table for people, as lines for programs, and as a section of docs/benchmarks.md. */
import { cell, circumstances, markdownTable, reasons, writeSection } from '../common/document.ts';
import type { Machine } from '../common/machine.ts';
import type { Row } from '../common/samples.ts';
import { UNITS, type Measure } from './measures/link.ts';
import type { SystemName } from './system.ts';

const MEANINGS: Readonly<Record<Measure, string>> = {
  tcp1: 'TCP, 1 stream',
  tcp4: 'TCP, 4 streams',
  tcpBoth: 'TCP, both ways at once (sum)',
  udp64: 'UDP, 64 bytes, under 1 % lost',
  udp1200: 'UDP, 1,200 bytes, under 1 % lost',
  relayTcp: 'TCP through a third node',
  rttIdleP50: 'round trip, idle, p50',
  rttIdleP99: 'round trip, idle, p99',
  rttLoadP99: 'round trip during TCP, p99',
  cpuPerGB: 'CPU per GB of TCP, both ends',
  relayCpuPerGB: 'CPU per GB of TCP, the third node',
  rss: 'memory of one end (RSS)',
};

const LOWER_IS_BETTER: ReadonlySet<Measure> = new Set<Measure>([
  'rttIdleP50',
  'rttIdleP99',
  'rttLoadP99',
  'cpuPerGB',
  'relayCpuPerGB',
  'rss',
]);

const PEERS: ReadonlySet<SystemName> = new Set<SystemName>(['tinc', 'fastd', 'wireguard-go', 'nebula']);

export interface Tested {
  readonly name: SystemName;
  readonly version: string;
  readonly settings: string;
}

export interface Report {
  readonly rows: readonly Row[];
  readonly systems: readonly Tested[];
  readonly measures: readonly Measure[];
  readonly machine: Machine;
  /** Of the runs that brought the rows, as they were given. */
  readonly commands: readonly string[];
}

/** A table of Markdown: measures down, systems across, medians with what they lie between. */
export function table({ rows, systems, measures }: Report): string {
  const find = (system: SystemName, measure: Measure) =>
    rows.find((row) => row.system === system && row.measure === measure);
  return markdownTable([
    ['', 'unit', ...systems.map(({ name }) => name), 'kith : best peer'],
    ...measures.map((measure) => [
      MEANINGS[measure],
      UNITS[measure],
      ...systems.map(({ name }) => cell(find(name, measure))),
      ratio(rows, measure),
    ]),
  ]);
}

/** kith on its faster plane beside the best of the others; above 1 is more, which is worse for times and costs. */
function ratio(rows: readonly Row[], measure: Measure): string {
  const median = (name: SystemName) =>
    rows.find((row) => row.system === name && row.measure === measure)?.median ?? null;
  const own = median('kith-native') ?? median('kith-portable');
  const peers = [...PEERS].map(median).filter((value) => value !== null);
  if (own === null || peers.length === 0) return '–';
  const best = LOWER_IS_BETTER.has(measure) ? Math.min(...peers) : Math.max(...peers);
  return `${(own / best).toFixed(2)} ×`;
}

/** Renews the section in docs/benchmarks.md. @throws Error when the file has lost its marks */
export function write(report: Report): void {
  const text = [
    circumstances(report.machine, report.commands.join('`, `')),
    '',
    table(report),
    '',
    ...report.systems.map(({ name, version, settings }) => `- **${name}**: ${version}; ${settings}.`),
    '',
    'Cells without a figure, and rounds that failed:',
    '',
    ...reasons(report.rows).map((line) => `- ${line}`),
  ];
  writeSection('bench:mesh', text.join('\n'));
}
