/**
 * Leaves nothing behind. A namespace of the lab is called `kl-<pid>-<start>-<lab>-<machine>`, numbers in base 36: pid
 * and start time (clock ticks since boot) of the process that made it, so that leftovers can be told from the living
 * even after the pid was given to another process.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { environment, shell } from './shell.ts';

/** Where `ip netns` keeps the names. */
const NAMES = '/run/netns';

/** Ends every process in the namespaces that begin with `$1`, then removes them; a few rounds, as processes fork. */
const SWEEP = String.raw`
sweep() {
  for path in ${NAMES}/"$1"*; do
    test -e "$path" || continue
    name="${'${path##*/}'}"
    round=0
    while test "$round" -lt 40; do
      pids=$(ip netns pids "$name" 2>/dev/null) || break
      test -n "$pids" || break
      kill -9 $pids 2>/dev/null
      test "$round" -eq 0 || sleep 0.05
      round=$((round + 1))
    done
    ip netns del "$name" 2>/dev/null
  done
}
`;

/** Waits for its owner's word or end; an owner that ends without a word may have left commands half done, so it repeats. */
const WATCH = String.raw`
trap '' INT TERM HUP
${SWEEP}
read -r word
test "$word" = closed && exit 0
for round in 1 2 3 4 5 6 7 8 9 10; do sweep "$1"; sleep 0.1; done
`;

/** Fields 4 and up of /proc/<pid>/stat follow the closing bracket of the name; the start time is field 22. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[19]).toString(36);
  } catch {
    return null;
  }
}

/** The beginning of every namespace of the `lab`-th lab of this process. */
export function prefixFor(lab: number): string {
  return `kl-${process.pid.toString(36)}-${startOf(process.pid)}-${lab.toString(36)}-`;
}

/** A child that outlives this process by a moment, to sweep after it. Write `closed` when there is nothing to sweep. */
export function watch(prefix: string): ChildProcess {
  const child = spawn('sh', ['-c', WATCH, 'kith-lab-watchdog', prefix], {
    env: environment(),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  return child;
}

/** Ends everything inside the namespaces with this prefix and removes them. */
export async function sweep(prefix: string): Promise<void> {
  await shell('remove the lab', ['set +e', SWEEP, `sweep ${prefix}`]);
}

/** Names of existing namespaces that begin with the prefix. */
export function namespaces(prefix: string): string[] {
  try {
    return readdirSync(NAMES).filter((name) => name.startsWith(prefix));
  } catch {
    return []; // The directory appears with the first namespace after boot.
  }
}

/** Removes what runs left behind whose process is gone. Returns the names of the removed namespaces. */
export async function sweepDead(): Promise<string[]> {
  const dead = namespaces('kl-').filter((name) => {
    const [, pid = '', start = ''] = name.split('-');
    return /^[0-9a-z]+$/.test(pid) && startOf(Number.parseInt(pid, 36)) !== start;
  });
  const prefixes = new Set(dead.map((name) => `${name.split('-').slice(0, 4).join('-')}-`));
  for (const prefix of prefixes) await sweep(prefix);
  return dead;
}
