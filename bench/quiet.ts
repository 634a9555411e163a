/**
 * What a quiet daemon costs: its share of a core and its memory, while nobody says anything.
 *
 *   npm run bench:quiet [-- --quick]
 *
 * Four machines in namespaces as in the demo, paths settled, then a minute (with --quick a quarter of one) of silence.
 * Needs root. Ends with 1 if a daemon is above the target.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from '@kith/lab';
import { buildStage, enter, everybodySeesEverybody, foundNetwork } from '@kith/lab/four-machines';

const TARGET = { corePercent: 1, rssMB: 120 };
/** Linux counts the time of processes in hundredths of a second for everybody, whatever its own tick (USER_HZ). */
const TICKS_PER_SECOND = 100;
/** ms after the last machine came up: active paths have become idle by then. */
const SETTLE = 20_000;

interface Reading {
  readonly at: number;
  /** Ticks of user and system time. */
  readonly ticks: number;
  readonly switches: number;
}

function read(pid: number): Reading {
  // The second field is the program's name in brackets and may hold anything; counting starts behind it.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const switches = Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
  return { at: performance.now(), ticks: Number(fields[11]) + Number(fields[12]), switches };
}

function memory(pid: number): number {
  // What the kernel calls kB has 1024 bytes.
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) / 1e6;
}

async function measure(actors: readonly Actor[], seconds: number): Promise<boolean> {
  const pids = await Promise.all(actors.map(async (actor) => (await actor.status()).pid));
  // Answering the question for its pid was no silence.
  await delay(1000);
  const before = pids.map(read);
  await delay(seconds * 1000);
  const rows = pids.map((pid, i) => {
    const [was, is] = [before[i] as Reading, read(pid)];
    const elapsed = (is.at - was.at) / 1000;
    return {
      machine: actors[i]?.name,
      'core %': ((is.ticks - was.ticks) / TICKS_PER_SECOND / elapsed) * 100,
      'wake-ups/s': (is.switches - was.switches) / elapsed,
      'RSS MB': memory(pid),
    };
  });
  console.table(
    rows.map((row) => ({
      ...row,
      'core %': row['core %'].toFixed(2),
      'wake-ups/s': row['wake-ups/s'].toFixed(1),
      'RSS MB': row['RSS MB'].toFixed(1),
    })),
  );
  return rows.every((row) => row['core %'] < TARGET.corePercent && row['RSS MB'] < TARGET.rssMB);
}

const seconds = process.argv.includes('--quick') ? 15 : 60;
const stage = await buildStage('preserving');
try {
  await foundNetwork(stage);
  for (const each of [stage.blr, stage.fedora, stage.pi]) await enter(each, stage.nyc, stage.nyc);
  await everybodySeesEverybody(stage.all);
  await delay(SETTLE);
  console.log(`quiet for ${seconds} s; target: under ${TARGET.corePercent} % of a core and ${TARGET.rssMB} MB`);
  if (!(await measure(stage.all, seconds))) {
    console.log('above the target');
    process.exitCode = 1;
  }
} finally {
  await stage.close();
}
