/** A traffic history in a process of its own, to be killed: counters grow by a fixed amount each look, and are a file's. */
import { readFileSync } from 'node:fs';
import { TrafficHistory } from '@kith/host';

const [path = '', counter = '', boot = ''] = process.argv.slice(2);
const history = new TrafficHistory({
  path,
  boot,
  counters: () => {
    const bytes = Number(readFileSync(counter, 'utf8'));
    return Promise.resolve(new Map([['wan', { received: bytes, sent: 2 * bytes }]]));
  },
});
for (let looks = 0; ; looks++) {
  await history.sample(Date.now());
  if (looks === 0) process.stdout.write('looked\n');
}
