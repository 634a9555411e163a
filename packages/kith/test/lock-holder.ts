/** Takes the lock of the folder in its argument, says so, and holds it until it is killed. */
import { takeLock } from '../src/state/lock.ts';

const lock = takeLock(process.argv[2] as string, 'up');
process.stdout.write('held\n');
process.on('SIGTERM', () => lock.release());
setInterval(() => undefined, 60_000);
