/** Opens many devices and closes them in every way there is; says how many descriptors and interfaces are left over. */
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, Worker } from 'node:worker_threads';
import { openTun, type TunDevice } from '../../src/tun.ts';

const open = (name: string): TunDevice =>
  openTun({ name, mtu: 1280, onPackets: () => undefined, onEnded: () => undefined });
const descriptors = (): number => readdirSync('/proc/self/fd').length;

if (!isMainThread) {
  for (let i = 0; i < 5; i++) open('worker%d');
  open('worker%d').close();
  process.exit();
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Devices that are closed once, twice and never, and those of a thread that ends with them open. */
async function round(): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const device = open('many%d');
    if (i % 2 === 0) device.close();
    if (i % 4 === 0) device.close();
  }
  await new Promise((resolve) => new Worker(new URL(import.meta.url)).on('exit', resolve));
}

/** Collects until no interface but loopback exists. */
async function settle(): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (readdirSync('/sys/class/net').length > 1 && performance.now() < deadline) {
    collect();
    await delay(5);
  }
}

await round();
await settle();
const before = descriptors(); // what the first round opened for good belongs to Node
await round();
await round();
await settle();
const left = descriptors() - before;
process.stdout.write(`${JSON.stringify({ left, interfaces: readdirSync('/sys/class/net') })}\n`);
