/** Programs that somebody who ended suddenly had started: they still change the host, for a moment. */
import { setTimeout as wait } from 'node:timers/promises';
import { RUN_BY } from '../command.ts';
import { processesWith } from '../supervisor/process-table.ts';

/** None of the programs takes longer unless it hangs (ms). */
const PATIENCE = 10_000;
const PAUSE = 20;

/** Returns when none of them runs; those that hang are ended. @param worker process that started them */
export async function outwait(worker: number): Promise<void> {
  if (worker === process.pid) return;
  const last = performance.now() + PATIENCE;
  for (;;) {
    const running = processesWith(RUN_BY).filter(({ pid, text }) => text === String(worker) && pid !== process.pid);
    if (running.length === 0) return;
    if (performance.now() > last) for (const { pid } of running) process.kill(pid, 'SIGKILL');
    await wait(PAUSE);
  }
}
