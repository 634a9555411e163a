/** The result as a table for people, as lines for programs, and as a section of docs/benchmarks.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import { UNITS, type Measure } from './measures/link.ts';
import type { Row } from './samples.ts';
import type { SystemName } from './system.ts';

const FILE = new URL('../../docs/benchmarks.md', import.meta.url);
const [BEGIN, END] = ['<!-- bench:mesh writes from here', 'to here -->'] as const;

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
  readonly command: string;
}

export function jsonLine({ rows }: Report): string {
  return JSON.stringify({ rows });
}

/** A table of Markdown: measures down, systems across, medians with what they lie between. */
export function table({ rows, systems, measures }: Report): string {
  const find = (system: SystemName, measure: Measure) =>
    rows.find((row) => row.system === system && row.measure === measure);
  const lines = [
    ['', 'unit', ...systems.map(({ name }) => name), 'kith : best peer'],
    ['---', '---', ...systems.map(() => '---'), '---'],
    ...measures.map((measure) => [
      MEANINGS[measure],
      UNITS[measure],
      ...systems.map(({ name }) => cell(find(name, measure))),
      ratio(rows, measure),
    ]),
  ];
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0))) ?? [];
  return lines
    .map((line, row) => `| ${line.map((text, i) => text.padEnd(widths[i] ?? 0, row === 1 ? '-' : ' ')).join(' | ')} |`)
    .join('\n');
}

function cell(row: Row | undefined): string {
  if (row === undefined || row.median === null) return '–';
  return row.rounds === 1 ? number(row.median) : `${number(row.median)} (${number(row.min)}–${number(row.max)})`;
}

function number(value: number | null): string {
  if (value === null) return '–';
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
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

/** Why cells are empty or rounds are missing, each reason once for the measures that share it. */
export function reasons({ rows }: Report): string[] {
  const byReason = new Map<string, Row[]>();
  for (const row of rows.filter((each) => each.reason !== undefined)) {
    const key = `${row.system}: ${row.reason}`;
    byReason.set(key, [...(byReason.get(key) ?? []), row]);
  }
  return [...byReason].map(([key, those]) => {
    const some = those.some(({ median }) => median !== null) ? 'in a round, ' : '';
    return `${key} (${some}${those.map(({ measure }) => measure).join(', ')})`;
  });
}

/** The section of the document. */
function markdown(report: Report): string {
  const { machine } = report;
  return [
    `Measured on ${machine.date} with \`${report.command}\`: ${machine.processor}, ${machine.cores} cores,`,
    `${machine.memoryGB} GB, Linux ${machine.kernel}, Node ${machine.node}, TCP with ${machine.congestion}; load before the run`,
    `${machine.load.toFixed(1)}. Medians, with the lowest and the highest round.`,
    '',
    table(report),
    '',
    ...report.systems.map(({ name, version, settings }) => `- **${name}**: ${version}; ${settings}.`),
    '',
    'Cells without a figure, and rounds that failed:',
    '',
    ...reasons(report).map((line) => `- ${line}`),
  ].join('\n');
}

/** Replaces the section in docs/benchmarks.md. @throws Error when the file has lost its marks */
export function write(report: Report): void {
  if (!existsSync(FILE)) throw new Error('docs/benchmarks.md is missing: restore it, only its middle is written');
  const text = readFileSync(FILE, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md lacks its marks "${BEGIN}" and "${END}"`);
  const head = text.slice(0, text.indexOf('-->', from) + 3);
  const tail = text.slice(text.lastIndexOf('<!--', to));
  writeFileSync(FILE, `${head}\n\n${markdown(report)}\n\n${tail}`);
}
