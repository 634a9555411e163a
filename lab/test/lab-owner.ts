/** A program that owns a lab with running processes and waits to be killed: the lab has to go with it. */
import { Lab } from '../src/index.ts';

const lab = await Lab.create();
const internet = await lab.internet();
const host = await lab.host('host', { on: internet });
// One process that ignores requests to end, and one that left its group.
const stubborn = await host.spawn([
  'sh',
  '-c',
  `trap '' TERM HUP; setsid sleep 600 & echo child $!; while :; do sleep 600; done`,
]);
const [, child] = await stubborn.waitFor(/^child (\d+)$/);
console.log(`prefix ${lab.prefix} pids ${stubborn.pid} ${child}`);
setInterval(() => undefined, 1000);
