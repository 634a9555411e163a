/** What is left in the gateway's folder when it is gone. */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf } from '@kith/core';

/** What daemons wrote for themselves, and copies that a crash left. Keys and what people put there stay. */
const WORTHLESS = /^(?:dnsmasq\.leases|chrony|staged-.*|.*\.kith-new)$/;

/** Copies that were made to be checked or to be put in place, by a kith that was killed meanwhile. */
const COPY = /^(?:staged-.*|.*\.kith-new)$/;

/** Whether a kith that was killed left copies behind. */
export function hasCopies(state: string): boolean {
  return namesIn(state).some((name) => COPY.test(name));
}

/** Nobody may be at work meanwhile. */
export function sweepCopies(state: string): void {
  for (const name of namesIn(state)) {
    if (COPY.test(name)) rmSync(join(state, name), { recursive: true, force: true });
  }
}

/** @returns the topmost folder that had to be made; null where there was one */
export function makeFolder(path: string): string | null {
  return mkdirSync(path, { recursive: true, mode: 0o755 }) ?? null;
}

/** @param made as {@link makeFolder} told: folders above it were there and stay */
export function sweep(state: string, made: string | null): void {
  for (const name of namesIn(state)) {
    if (WORTHLESS.test(name)) rmSync(join(state, name), { recursive: true, force: true });
  }
  if (made === null) return;
  for (let folder = state; folder.length >= made.length; folder = dirname(folder)) {
    if (namesIn(folder).length > 0) return;
    try {
      rmdirSync(folder);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY'].includes(codeOf(error))) throw error;
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
