/**
 * kith beside what people would pick instead: throughput, datagrams, waiting, CPU time and memory, in one run.
 *
 *   npm run bench:mesh [-- --quick] [--json] [--write] [--systems a,b] [--measures x,y] [--rounds n]
 *                       [--keep FILE]
 *
 * Needs root: every system gets namespaces of its own, joined by bare cables that nothing shapes. A quarter of an hour;
 * with --quick under three minutes. --json ends with one line for programs, --write renews docs/benchmarks.md. --keep adds
 * the figures to those of earlier runs in FILE.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '@kith/lab';
import { reasons } from '../common/document.ts';
import { commandLine, keep } from '../common/kept.ts';
import { describe } from '../common/machine.ts';
import { Samples } from '../common/samples.ts';
import { compile } from './measures/datagrams.ts';
import { MEASURES, UNITS } from './measures/link.ts';
import { parse, type Options } from './options.ts';
import { directJobs, message, RELAYED_JOBS, run, type Job } from './phase.ts';
import { table, write, type Report } from './report.ts';
import { Stage } from './stage.ts';
import type { System } from './system.ts';
import { fastd } from './systems/fastd.ts';
import { kith } from './systems/kith.ts';
import { nebula } from './systems/nebula.ts';
import { tinc } from './systems/tinc.ts';
import { veth } from './systems/veth.ts';
import { wireguardGo } from './systems/wireguard-go.ts';

const SYSTEMS: readonly System[] = [veth, kith('native'), kith('portable'), tinc, fastd, wireguardGo, nebula];
/** Seconds that the relayed phase is given of a short budget. */
const RELAY_SHARE = 25;

async function measure(options: Options, samples: Samples): Promise<void> {
  const { systems, rounds, effort } = options;
  const jobs = (all: readonly Job[]) => all.filter(({ gives }) => gives.some((each) => options.measures.has(each)));
  const lab = await Lab.create({ name: 'bench' });
  const folder = mkdtempSync(join(tmpdir(), 'kith-bench-'));
  const close = async () => {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const interrupt = () => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const [direct, relayed] = [jobs(directJobs(sender(folder, options, samples))), jobs(RELAYED_JOBS)];
    const stage = new Stage(lab, await lab.internet(), folder);
    const until = (share: number) => (options.budget - share) * 1000;
    if (direct.length > 0) {
      const limits = { rounds, effort, until: until(relayed.length > 0 ? RELAY_SHARE : 0) };
      await run({ label: 'pair', jobs: direct, systems, nodes: (s, label) => s.pair(label) }, stage, samples, limits);
    }
    if (relayed.length > 0) {
      const able = systems.filter(({ noRelay }) => noRelay === null);
      const limits = { rounds, effort, until: until(0) };
      await run({ label: 'trio', jobs: relayed, systems: able, nodes: (s, l) => s.trio(l) }, stage, samples, limits);
    }
  } finally {
    await close();
  }
}

/** Null, and a reason in the samples, where it cannot be built. */
function sender(folder: string, { systems }: Options, samples: Samples): string | null {
  try {
    return compile(folder);
  } catch (error) {
    console.log(`no datagrams: ${message(error)}`);
    for (const { name } of systems) samples.fail(name, ['udp64', 'udp1200'], message(error));
    return null;
  }
}

/** What is known without measuring. */
function foretell(systems: readonly System[], samples: Samples): void {
  for (const { name, noRelay } of systems) {
    if (noRelay !== null) samples.fail(name, ['relayTcp', 'relayCpuPerGB'], noRelay);
    if (name === 'veth') samples.fail(name, ['cpuPerGB', 'relayCpuPerGB', 'rss'], 'no process of its own');
  }
}

function version(system: System): string {
  try {
    return system.version();
  } catch (error) {
    return `not there (${message(error).split('\n')[0]})`;
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const options = parse(argv, SYSTEMS);
  const machine = describe();
  const samples = new Samples(UNITS);
  foretell(options.systems, samples);
  await measure(options, samples);
  const measures = MEASURES.filter((each) => options.measures.has(each));
  const rows = options.systems.flatMap(({ name }) => measures.map((each) => samples.row(name, each)));
  const command = commandLine('npm run bench:mesh', argv);
  const all = options.keep === undefined ? { commands: [command], rows } : keep(options.keep, command, rows);
  const systems = SYSTEMS.filter(({ name }) => all.rows.some(({ system }) => system === name));
  const report: Report = {
    ...all,
    systems: systems.map((system) => ({ name: system.name, version: version(system), settings: system.settings })),
    measures: MEASURES.filter((each) => all.rows.some(({ measure }) => measure === each)),
    machine,
  };
  console.log(`\n${table(report)}\n`);
  for (const line of reasons(report.rows)) console.log(line);
  if (options.write) write(report);
  if (options.json) console.log(JSON.stringify({ rows }));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${message(error)}`);
  process.exitCode = 1;
}
