/** A traffic history in a process of its own, to be killed. Its counter is the machine's monotonic clock: it has grown at each look. */
import { TrafficHistory } from '@kith/host';

const [path = '', boot = ''] = process.argv.slice(2);

/** Microseconds, the same in every process. */
export function clockCounter(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

if (import.meta.main) {
  const history = new TrafficHistory({
    path,
    boot,
    counters: () => {
      const bytes = clockCounter();
      return Promise.resolve(new Map([['wan', { received: bytes, sent: 2 * bytes }]]));
    },
  });
  for (let looks = 0; ; looks++) {
    await history.sample(Date.now());
    if (looks === 0) process.stdout.write('looked\n');
  }
}
