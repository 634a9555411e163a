/** Waits for a condition with a deadline, and says what it waited for when the deadline passes. */
import { setTimeout as delay } from 'node:timers/promises';

export async function until(what: string, condition: () => boolean, limitMs = 5000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await delay(5);
  }
}
