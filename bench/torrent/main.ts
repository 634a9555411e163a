/**
 * kith beside the BitTorrent programs that people use: transfers over loopback TCP, swarms, idle torrents, trackers.
 *
 *   npm run bench:torrent [-- --quick] [--json] [--write] [--parts a,b] [--cases a,b] [--clients a,b]
 *                          [--pairs a,b] [--rounds n] [--MiB n] [--keep FILE]
 *
 * Content lies in memory, so that no disk is measured. About forty minutes; with --quick under five. --json ends with one
 * line for programs, --write renews docs/benchmarks.md. --keep adds the figures to those of earlier runs in FILE.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TorrentClient } from '@kith/lab/torrent';
import { commandLine, keep } from '../common/kept.ts';
import { describe } from '../common/machine.ts';
import { Samples } from '../common/samples.ts';
import { announces, TRACKERS } from './announces.ts';
import { missingBrowser, toBrowser } from './browser.ts';
import { CLIENTS } from './clients.ts';
import { make, type Content } from './content.ts';
import { idle, IDLERS } from './idle.ts';
import { UNITS, type Case } from './measures.ts';
import { parse, type Options } from './options.ts';
import { pairs } from './pairs.ts';
import { tables, write, type Report } from './report.ts';
import { swarm } from './swarm.ts';
import { nameOf, transfer } from './transfer.ts';
import { bare, kithOverWebRtc } from './webrtc.ts';

/** Where content is kept: a file system in memory. */
const MEMORY = '/dev/shm';
const SWARM_BYTES = 128 * 2 ** 20;
const WEBRTC_BYTES = 256 * 2 ** 20;
/** What browsers send, and the largest that all take. */
const LARGEST_MESSAGE = 262_144;
const LIBRARY_MESSAGES = [65_536, LARGEST_MESSAGE];

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Who is measured in a part. */
interface Subject {
  readonly name: string;
  /** What is missing here, or null. */
  missing(): string | null;
  /** @param note told of what the figures do not say */
  measure(note: (what: string) => void): Promise<Readonly<Record<string, number>>>;
}

const measuresOf = (part: string) => Object.keys(UNITS).filter((measure) => measure.startsWith(`${part}.`));

async function visit(part: string, subjects: readonly Subject[], options: Options, samples: Samples): Promise<void> {
  for (let round = 0; round < options.rounds && performance.now() / 1000 < options.budget; round++) {
    // Each round begins with another one, so that nobody always comes first.
    const order = [...subjects.slice(round % subjects.length), ...subjects.slice(0, round % subjects.length)];
    for (const subject of order) {
      const missing = subject.missing();
      if (missing !== null) {
        samples.fail(subject.name, measuresOf(part), missing);
        continue;
      }
      try {
        const note = (what: string) => samples.fail(subject.name, measuresOf(part), what);
        const found = Object.entries(await subject.measure(note)).map(
          ([name, value]) => [`${part}.${name}`, value] as const,
        );
        const told = found.map(([name, value]) => `${name} ${value.toPrecision(3)}`).join(', ');
        console.log(`round ${round + 1}: ${subject.name}: ${told}`);
        samples.add(subject.name, Object.fromEntries(found));
      } catch (error) {
        console.log(`round ${round + 1}: ${subject.name}: ${part} failed: ${message(error)}`);
        samples.fail(subject.name, measuresOf(part), message(error));
      }
    }
  }
}

function missingOf(clients: readonly TorrentClient[]): string | null {
  const missing = clients.map((client) => client.missing()).filter((what) => what !== null);
  return missing.length === 0 ? null : `missing here: ${missing.join(', ')}`;
}

/** The parts that were asked for, one after the other; the names of whom they measured, by part. */
async function measure(options: Options, folder: string, samples: Samples): Promise<Map<string, string[]>> {
  const systems = new Map<string, string[]>();
  const part = async (name: string, subjects: readonly Subject[]) => {
    await visit(name, subjects, options, samples);
    systems.set(
      name,
      subjects.map((subject) => subject.name),
    );
  };
  const withContent = async (kind: Case, bytes: number, use: (content: Content) => Promise<void>) => {
    const content = make(kind, folder, bytes);
    await use(content).finally(() => rmSync(content.folder, { recursive: true, force: true }));
  };
  const always = { missing: () => null };
  if (options.parts.has('transfer')) {
    for (const kind of options.cases) {
      await withContent(kind, options.bytes, (content) =>
        part(
          kind,
          pairs(options.pairs, options.clients, options.quick).map((pair) => ({
            name: nameOf(pair),
            missing: () => missingOf([pair.seed, pair.leech]),
            measure: (note) => transfer(pair, content, folder, note),
          })),
        ),
      );
    }
  }
  if (options.parts.has('swarm8')) {
    const able = CLIENTS.filter(({ dials, name }) => dials && (options.clients?.has(name) ?? true));
    await withContent('1MiB', Math.min(options.bytes, SWARM_BYTES), (content) =>
      part(
        'swarm8',
        able.map((client) => ({
          name: client.name,
          missing: () => missingOf([client]),
          measure: () => swarm(client, content, folder),
        })),
      ),
    );
  }
  if (options.parts.has('idle1000')) {
    const subjects = IDLERS.map((idler) => ({ ...always, name: idler.name, measure: () => idle(idler, folder) }));
    await part('idle1000', subjects);
  }
  if (options.parts.has('webrtc')) {
    const bytes = Math.min(options.bytes, WEBRTC_BYTES);
    await withContent('1MiB', bytes, (content) =>
      part('webrtc', [
        { ...always, name: 'kith', measure: (note) => kithOverWebRtc(content, folder, note) },
        { ...always, name: "kith's connection alone", measure: () => bare('kith', LARGEST_MESSAGE, bytes) },
        ...LIBRARY_MESSAGES.map((message) => ({
          ...{ ...always, name: `node-datachannel alone, messages of ${message / 1024} KiB` },
          measure: () => bare('library', message, bytes),
        })),
      ]),
    );
  }
  if (options.parts.has('browser')) {
    const ways = [
      { name: 'WebSocket over TLS', way: 'wss' },
      { name: 'WebRTC', way: 'webrtc' },
    ] as const;
    await part(
      'browser',
      ways.map(({ name, way }) => ({
        ...{ name, missing: missingBrowser },
        measure: () => toBrowser(way, Math.min(options.bytes, WEBRTC_BYTES), folder),
      })),
    );
  }
  if (options.parts.has('announces')) {
    const duration = options.quick ? 1500 : 4000;
    const subjects = TRACKERS.map((tracker) => ({
      ...always,
      name: tracker.name,
      measure: () => announces(tracker, folder, duration),
    }));
    await part('announces', subjects);
  }
  return systems;
}

async function main(argv: readonly string[]): Promise<void> {
  const options = parse(
    argv,
    CLIENTS.map(({ name }) => name),
  );
  const machine = describe();
  const folder = mkdtempSync(join(MEMORY, 'kith-bench-'));
  const samples = new Samples(UNITS);
  const clear = () => rmSync(folder, { recursive: true, force: true });
  // The programs end with this one; what they wrote lies in memory.
  const interrupt = () => {
    clear();
    process.exit(130);
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const systems = await measure(options, folder, samples).finally(clear);
  const rows = [...systems].flatMap(([part, names]) =>
    names.flatMap((name) => measuresOf(part).map((each) => samples.row(name, each))),
  );
  const command = commandLine('npm run bench:torrent', argv);
  const all = options.keep === undefined ? { commands: [command], rows } : keep(options.keep, command, rows);
  const report: Report = {
    ...all,
    versions: CLIENTS.map((client) => `**${client.name}**: ${client.missing() ?? client.version()}`),
    machine,
  };
  console.log(`\n${tables(report)}\n`);
  if (options.write) write(report);
  if (options.json) console.log(JSON.stringify({ rows }));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${message(error)}`);
  process.exitCode = 1;
}
