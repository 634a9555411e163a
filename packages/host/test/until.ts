import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `look` finds something. @throws Error when `within` milliseconds have passed */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  within: number = 15_000,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = performance.now() + within;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found as Exclude<T, null | undefined | false>;
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await sleep(20);
  }
}
