/** What a process has used, from /proc. */
import { readFileSync } from 'node:fs';

/** Linux counts the time of processes in hundredths of a second for everybody, whatever its own tick (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Seconds of user and system time of all threads so far. @throws Error when the process is gone */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets and may hold anything; counting starts behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in MB (10^6 bytes). @throws Error when the process is gone */
export function residentMB(pid: number): number {
  // What the kernel calls kB has 1024 bytes.
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) / 1e6;
}

/** Seconds of several processes together. */
export function cpuSum(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}
