/**
 * Loaded into each test file's process: what it reports is out before the process goes on. Where the runner forces the
 * process to exit, it does not wait for what is still queued for a runner that is slow to read.
 */
import { isMainThread } from 'node:worker_threads';

interface Handle {
  setBlocking?(blocking: boolean): number;
}

// Not in programs that a test starts with its own options.
if (isMainThread && process.argv[1]?.endsWith('.test.ts') === true) {
  (process.stdout as { _handle?: Handle })._handle?.setBlocking?.(true);
}
