/**
 * kith beside the BitTorrent programs that people use: transfers over loopback TCP, swarms, idle torrents, trackers.
 *
 *   npm run bench:torrent [-- --quick] [--json] [--write] [--parts a,b] [--cases a,b] [--clients a,b] [--rounds n] [--MiB n]
 *
 * Content lies in memory, so that no disk is measured. About forty minutes; with --quick under five. --json ends with one
 * line for programs, --write renews docs/benchmarks.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TorrentClient } from '@kith/lab/torrent';
import { describe } from '../common/machine.ts';
import { Samples } from '../common/samples.ts';
import { announces, TRACKERS } from './announces.ts';
import { CLIENTS } from './clients.ts';
import { make } from './content.ts';
import { idle, IDLERS } from './idle.ts';
import { UNITS, type Case } from './measures.ts';
import { parse, type Options } from './options.ts';
import { pairs } from './pairs.ts';
import { tables, write, type Report } from './report.ts';
import { swarm } from './swarm.ts';
import { nameOf, transfer, type Pair } from './transfer.ts';

/** Where content is kept: a file system in memory. */
const MEMORY = '/dev/shm';
const SWARM_BYTES = 128 * 2 ** 20;

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unable(clients: readonly TorrentClient[]): string | null {
  const missing = clients.map((client) => client.missing()).filter((what) => what !== null);
  return missing.length === 0 ? null : `missing here: ${missing.join(', ')}`;
}

async function transfers(
  options: Options,
  kind: Case,
  all: readonly Pair[],
  folder: string,
  samples: Samples,
): Promise<void> {
  const content = make(kind, folder, options.bytes);
  try {
    for (let round = 0; round < options.rounds && performance.now() / 1000 < options.budget; round++) {
      // Each round begins with another pair, so that nobody always comes first.
      const order = [...all.slice(round % all.length), ...all.slice(0, round % all.length)];
      for (const pair of order) {
        const [name, reason] = [nameOf(pair), unable([pair.seed, pair.leech])];
        const measures = Object.keys(UNITS).filter((measure) => measure.startsWith(`${kind}.`));
        if (reason !== null) {
          samples.fail(name, measures, reason);
          continue;
        }
        try {
          const found = await transfer(pair, content, folder);
          console.log(`${kind}, round ${round + 1}: ${name} ${found.wall.toFixed(0)} MB/s`);
          samples.add(name, Object.fromEntries(Object.entries(found).map(([key, value]) => [`${kind}.${key}`, value])));
        } catch (error) {
          console.log(`${kind}, round ${round + 1}: ${name} failed: ${message(error)}`);
          samples.fail(name, measures, message(error));
        }
      }
    }
  } finally {
    rmSync(content.folder, { recursive: true, force: true });
  }
}

async function swarms(options: Options, folder: string, samples: Samples): Promise<string[]> {
  const measures = ['swarm8.wall', 'swarm8.seedSent'];
  const able = CLIENTS.filter(({ dials, name }) => dials && (options.clients === null || options.clients.has(name)));
  const content = make('1MiB', folder, Math.min(options.bytes, SWARM_BYTES));
  for (let round = 0; round < options.rounds && performance.now() / 1000 < options.budget; round++) {
    for (const client of able) {
      const reason = unable([client]);
      if (reason !== null) {
        samples.fail(client.name, measures, reason);
        continue;
      }
      try {
        const found = await swarm(client, content, folder);
        console.log(`swarm, round ${round + 1}: ${client.name} ${found['swarm8.wall']?.toFixed(1)} s`);
        samples.add(client.name, found);
      } catch (error) {
        console.log(`swarm, round ${round + 1}: ${client.name} failed: ${message(error)}`);
        samples.fail(client.name, measures, message(error));
      }
    }
  }
  rmSync(content.folder, { recursive: true, force: true });
  return able.map(({ name }) => name);
}

async function trackers(options: Options, folder: string, samples: Samples): Promise<string[]> {
  const measures = Object.keys(UNITS).filter((measure) => measure.startsWith('announces.'));
  for (let round = 0; round < options.rounds && performance.now() / 1000 < options.budget; round++) {
    for (const tracker of TRACKERS) {
      try {
        const found = await announces(tracker, folder, options.quick ? 1500 : 4000);
        console.log(`announces, round ${round + 1}: ${tracker.name} ${found['announces.udp']?.toFixed(0)} over UDP`);
        samples.add(tracker.name, found);
      } catch (error) {
        console.log(`announces, round ${round + 1}: ${tracker.name} failed: ${message(error)}`);
        samples.fail(tracker.name, measures, message(error));
      }
    }
  }
  return TRACKERS.map(({ name }) => name);
}

async function idlers(options: Options, folder: string, samples: Samples): Promise<string[]> {
  const measures = Object.keys(UNITS).filter((measure) => measure.startsWith('idle1000.'));
  for (let round = 0; round < options.rounds && performance.now() / 1000 < options.budget; round++) {
    for (const idler of IDLERS) {
      try {
        const found = await idle(idler, folder);
        console.log(`idle, round ${round + 1}: ${idler.name} ready after ${found['idle1000.start']?.toFixed(1)} s`);
        samples.add(idler.name, found);
      } catch (error) {
        console.log(`idle, round ${round + 1}: ${idler.name} failed: ${message(error)}`);
        samples.fail(idler.name, measures, message(error));
      }
    }
  }
  return IDLERS.map(({ name }) => name);
}

async function main(argv: readonly string[]): Promise<void> {
  const options = parse(
    argv,
    CLIENTS.map(({ name }) => name),
  );
  const machine = describe();
  const folder = mkdtempSync(join(MEMORY, 'kith-bench-'));
  const samples = new Samples(UNITS);
  const systems = new Map<string, string[]>();
  try {
    const all = pairs(options.clients, options.quick);
    if (options.parts.has('transfer')) {
      for (const kind of options.cases) {
        await transfers(options, kind, all, folder, samples);
        systems.set(
          kind,
          all.map((pair) => nameOf(pair)),
        );
      }
    }
    if (options.parts.has('swarm8')) systems.set('swarm8', await swarms(options, folder, samples));
    if (options.parts.has('idle1000')) systems.set('idle1000', await idlers(options, folder, samples));
    if (options.parts.has('announces')) systems.set('announces', await trackers(options, folder, samples));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const rows = [...systems].flatMap(([part, names]) =>
    names.flatMap((name) =>
      Object.keys(UNITS)
        .filter((measure) => measure.startsWith(`${part}.`))
        .map((measure) => samples.row(name, measure)),
    ),
  );
  const report: Report = {
    rows,
    versions: CLIENTS.map((client) => `**${client.name}**: ${client.missing() ?? client.version()}`),
    machine,
    command: ['npm run bench:torrent', ...(argv.length > 0 ? ['--', ...argv] : [])].join(' '),
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
