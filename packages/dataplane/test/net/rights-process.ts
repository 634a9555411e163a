/** Drops rights with a busy thread pool, says what every thread has left, then tries to open devices. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setCapabilities, type Capability } from '../../src/capabilities.ts';
import { openTun } from '../../src/tun.ts';

const keep: readonly Capability[] = JSON.parse(process.argv[2] as string);
await Promise.all(Array.from({ length: 8 }, () => readdir('/')));

const tryTun = (name: string): string => {
  try {
    openTun({ name, mtu: 1280, onPackets: () => undefined, onEnded: () => undefined }).close();
    return 'opened';
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${String(error.code)} ${error.message}` : String(error);
  }
};

setCapabilities(keep);
const rights = readdirSync('/proc/self/task').map((thread) => {
  const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
  return [...status.matchAll(/^Cap(?:Prm|Eff|Bnd):\s*([0-9a-f]+)$/gm)].map(([, hex]) => Number.parseInt(hex!, 16));
});
const child = execFileSync('grep', ['CapEff', '/proc/self/status'], { encoding: 'utf8' });
process.stdout.write(
  `${JSON.stringify({ rights, child: Number.parseInt(child.split('\t')[1]!, 16), tun: tryTun('rights0') })}\n`,
);
