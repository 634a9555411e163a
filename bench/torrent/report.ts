/** The result as tables for people and as a section of docs/benchmarks.md. */
import { cell, circumstances, markdownTable, reasons, writeSection } from '../common/document.ts';
import type { Machine } from '../common/machine.ts';
import type { Row } from '../common/samples.ts';
import { UNITS } from './measures.ts';

const TITLES: Readonly<Record<string, string>> = {
  '1MiB': 'Pieces of 1 MiB (seed > leech)',
  '16KiB': 'Pieces of 16 KiB (seed > leech)',
  manyFiles: 'Ten thousand small files (seed > leech)',
  swarm8: 'One seed, eight leeches',
  idle1000: 'A thousand idle torrents',
  announces: 'Trackers',
  webrtc: 'WebRTC between two processes',
  browser: 'From kith to a browser',
};

const HEADS: Readonly<Record<string, string>> = {
  wall: 'rate',
  seedCpu: 'CPU of the seed',
  leechCpu: 'CPU of the leech',
  rss: 'memory of the leech',
  seedRss: 'memory of the seed',
  seedSent: 'the seed sent',
  start: 'ready after',
  cpu: 'processor',
  udp: 'UDP',
  http: 'HTTP, keep-alive',
  ws: 'WebSocket',
  wsOffers: 'WebSocket, 5 offers each',
  udpCpu: 'CPU of one, UDP',
  httpCpu: 'HTTP',
  wsCpu: 'WebSocket',
  wsOffersCpu: 'with offers',
  wsMemory: 'memory per WebSocket peer',
};

/** Where a measure means something else in its part. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'swarm8.wall': 'all have it after',
  'idle1000.rss': 'memory',
};

export interface Report {
  readonly rows: readonly Row[];
  /** As the programs say it themselves. */
  readonly versions: readonly string[];
  readonly machine: Machine;
  /** One, or those of the runs that the figures were kept of. */
  readonly commands: readonly string[];
}

/** One table for each part that was measured: systems down, measures across. */
export function tables({ rows }: Report): string {
  const measured = new Set(rows.map(({ measure }) => partOf(measure)));
  const parts = Object.keys(TITLES).filter((part) => measured.has(part));
  return parts.map((part) => `### ${TITLES[part]}\n\n${table(part, rows)}`).join('\n\n');
}

function table(part: string, rows: readonly Row[]): string {
  const own = rows.filter(({ measure }) => partOf(measure) === part);
  const measures = [...new Set(own.map(({ measure }) => measure))];
  return markdownTable([
    ['', ...measures.map((measure) => headOf(part, measure))],
    ...[...new Set(own.map(({ system }) => system))].map((system) => [
      system,
      ...measures.map((measure) => cell(own.find((row) => row.system === system && row.measure === measure))),
    ]),
  ]);
}

function partOf(measure: string): string {
  return measure.slice(0, measure.indexOf('.'));
}

function headOf(part: string, measure: string): string {
  const name = measure.slice(part.length + 1);
  const head = OTHERWISE[measure] ?? HEADS[name] ?? name;
  return `${head}, ${UNITS[measure]}`;
}

/** Renews the section in docs/benchmarks.md. @throws Error when the file has lost its marks */
export function write(report: Report): void {
  const [only = '', ...others] = report.commands;
  const [command, rest] = others.length === 0 ? [only, []] : ['npm run bench:torrent', report.commands];
  const missing = reasons(report.rows).map((line) => `- ${line}`);
  const text = [
    circumstances(report.machine, command),
    ...(rest.length === 0 ? [] : ['', 'In pieces, one after the other:', '', ...rest.map((each) => `- \`${each}\``)]),
    '',
    tables(report),
    '',
    ...report.versions.map((version) => `- ${version}`),
    ...(missing.length === 0
      ? []
      : ['', 'Cells without a figure, and rounds that failed or were ended:', '', ...missing]),
  ];
  writeSection('bench:torrent', text.join('\n'));
}
