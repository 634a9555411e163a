/** Starts every system on nodes of its own and visits them in turn, round by round, so that noise meets all alike. */
import type { Samples } from '../common/samples.ts';
import type { Effort, Found, Link, Measure } from './measures/link.ts';
import { residentMB } from './measures/process.ts';
import { relayed, bothWays, fourStreams, oneStream } from './measures/tcp.ts';
import { idle } from './measures/rtt.ts';
import { datagrams } from './measures/udp.ts';
import { far, type Nodes, type Stage } from './stage.ts';
import type { Running, System } from './system.ts';

export interface Job {
  readonly gives: readonly Measure[];
  readonly run: (link: Link, effort: Effort) => Promise<Found>;
}

function rss(link: Link): Promise<Found> {
  // The heavier end: the two differ by what they happened to do first.
  return Promise.resolve(link.ends.length > 0 ? { rss: Math.max(...link.ends.map(residentMB)) } : {});
}

/** @param program sends and counts datagrams; null: they are not measured */
export function directJobs(program: string | null): readonly Job[] {
  const udp: readonly Job[] =
    program === null
      ? []
      : [
          { gives: ['udp64'], run: datagrams(program, 'udp64', 64) },
          { gives: ['udp1200'], run: datagrams(program, 'udp1200', 1200) },
        ];
  return [
    { gives: ['rttIdleP50', 'rttIdleP99'], run: idle },
    { gives: ['tcp1', 'cpuPerGB', 'rttLoadP99'], run: oneStream },
    { gives: ['tcp4'], run: fourStreams },
    { gives: ['tcpBoth'], run: bothWays },
    ...udp,
    // Last: what a system holds after it has worked.
    { gives: ['rss'], run: rss },
  ];
}

export const RELAYED_JOBS: readonly Job[] = [{ gives: ['relayTcp', 'relayCpuPerGB'], run: relayed }];

export interface Phase {
  readonly label: string;
  readonly jobs: readonly Job[];
  readonly systems: readonly System[];
  nodes(stage: Stage, label: string): Promise<Nodes>;
}

export interface Limits {
  readonly rounds: number;
  readonly effort: Effort;
  /** `performance.now()` after which no further round begins. */
  readonly until: number;
}

/** A later round takes less than the one before: its searches begin where the last ones ended. */
const LATER_ROUNDS = 0.8;

interface Visited {
  readonly system: System;
  readonly running: Running;
  readonly link: Link;
}

/** Everything it started has ended when it returns. */
export async function run(phase: Phase, stage: Stage, samples: Samples, limits: Limits): Promise<void> {
  const all = phase.jobs.flatMap(({ gives }) => gives);
  const visited: Visited[] = [];
  try {
    // Side by side, as most of starting is waiting; sorted back, as the order must not depend on who came first.
    await Promise.all(
      phase.systems.map(async (system) => {
        try {
          visited.push(await start(phase, stage, system));
        } catch (error) {
          console.log(`${phase.label}: ${system.name} is left out: ${message(error)}`);
          samples.fail(system.name, all, message(error));
        }
      }),
    );
    if (visited.length === 0) return;
    visited.sort((a, b) => phase.systems.indexOf(a.system) - phase.systems.indexOf(b.system));
    console.log(`${phase.label}: ${visited.map(({ system }) => system.name).join(', ')} up`);
    for (let round = 0; round < limits.rounds; round++) {
      const begun = performance.now();
      // Each round begins with another one: whoever comes first meets a cooler processor.
      const order = [...visited.slice(round % visited.length), ...visited.slice(0, round % visited.length)];
      for (const each of order) await visit(each, phase.jobs, samples, limits.effort);
      const took = performance.now() - begun;
      console.log(`${phase.label}: round ${round + 1} of ${limits.rounds} took ${(took / 1000).toFixed(0)} s`);
      if (performance.now() + took * LATER_ROUNDS > limits.until) break;
    }
  } finally {
    for (const { system, running } of visited) {
      await running.stop().catch((error: unknown) => console.log(`${system.name} did not stop: ${message(error)}`));
    }
  }
}

async function start(phase: Phase, stage: Stage, system: System): Promise<Visited> {
  system.version();
  const nodes = await phase.nodes(stage, `${phase.label}-${system.name}`);
  const running = await system.start(nodes);
  const last = far(nodes);
  const [from, to, target] = [nodes[0].host, last.host, running.address(last)];
  try {
    for (const deadline = performance.now() + 20_000; ;) {
      const { code, stdout } = await from.run(['ping', '-n', '-c', '1', '-W', '1', target]);
      if (code === 0) break;
      if (performance.now() > deadline) throw new Error(`no echo through the tunnel within 20 s: ${stdout.trim()}`);
    }
  } catch (error) {
    await running.stop();
    throw error;
  }
  const ends = [running.pids[0], running.pids.at(-1)].filter((pid) => pid !== undefined);
  const relay = nodes.length === 3 ? (running.pids[1] ?? null) : null;
  return { system, running, link: { from, to, target, ends, relay, rates: new Map() } };
}

async function visit({ system, link }: Visited, jobs: readonly Job[], samples: Samples, effort: Effort): Promise<void> {
  for (const { gives, run: measure } of jobs) {
    try {
      samples.add(system.name, await measure(link, effort));
    } catch (error) {
      console.log(`${system.name}, ${gives[0]}: ${message(error)}`);
      samples.fail(system.name, gives, message(error));
    }
  }
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
