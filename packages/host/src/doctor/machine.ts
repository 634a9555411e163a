/** What limits the host as a whole: tables of the kernel, disks, programs. */
import { readFile, statfs } from 'node:fs/promises';
import type { DiskFacts, Fill, Gateway, HostFacts, MachineFacts } from '@kith/gateway';
import { programsOf } from '@kith/gateway';
import { must, run } from '../command.ts';

export async function machineFacts(gateway: Gateway, host: HostFacts): Promise<MachineFacts> {
  const hasFastd = gateway.domains.some(({ fastd }) => fastd !== null);
  const [conntrack, neighbours4, neighbours6, fastd] = await Promise.all([
    fillOf('netfilter/nf_conntrack_count', 'netfilter/nf_conntrack_max'),
    gateway.host.initialNamespace ? neighbours(4) : null,
    gateway.host.initialNamespace ? neighbours(6) : null,
    hasFastd && host.programs.has('fastd') ? fastdVersion() : null,
  ]);
  return {
    kernel: host.kernel,
    hasBatman: host.hasBatman,
    missing: programsOf(gateway).filter((program) => !host.programs.has(program)),
    conntrack,
    neighbours4,
    neighbours6,
    fastd,
  };
}

/** Room on the file systems that leases, keys and sockets are written to. */
export async function diskFacts({ host }: Gateway): Promise<DiskFacts[]> {
  const found = await Promise.all(
    [host.folders.state, host.folders.run].map(async (path): Promise<DiskFacts[]> => {
      // A folder that is not there yet is drift, and told as such.
      const stats = await statfs(path).catch(() => null);
      if (stats === null) return [];
      const freeFiles = stats.files === 0 ? null : stats.ffree;
      return [{ path, free: stats.bavail * stats.bsize, size: stats.blocks * stats.bsize, freeFiles }];
    }),
  );
  return found.flat();
}

async function fillOf(count: string, most: string): Promise<Fill | null> {
  const [used, all] = await Promise.all([numberIn(count), numberIn(most)]);
  return used === null || all === null || all === 0 ? null : { count: used, most: all };
}

async function numberIn(key: string): Promise<number | null> {
  const text = await readFile(`/proc/sys/net/${key}`, 'utf8').catch(() => '');
  const number = Number.parseInt(text, 10);
  return Number.isSafeInteger(number) ? number : null;
}

async function neighbours(family: 4 | 6): Promise<Fill | null> {
  const most = await numberIn(`ipv${family}/neigh/default/gc_thresh3`);
  if (most === null) return null;
  const lines = (await must(['ip', `-${family}`, '-o', 'neigh', 'show', 'nud', 'all'])).split('\n');
  // Entries that are kept for ever do not count against the limit.
  return { count: lines.filter((line) => line !== '' && !/NOARP|PERMANENT/.test(line)).length, most };
}

/** `fastd v22` → `22`. */
async function fastdVersion(): Promise<string | null> {
  const { stdout } = await run(['fastd', '--version']);
  return /^fastd v([\w.-]{1,32})/.exec(stdout)?.[1] ?? null;
}
