/** Figures that the kernel shows as files. What is not there reads as empty, or as nothing. */
import { readFile } from 'node:fs/promises';
import { codeOf } from '@kith/core';

/** '' for a file that is not there. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EINVAL', 'EACCES'].includes(codeOf(error))) return '';
    throw error;
  }
}

/** All numbers of a file, in order; `0.20 0.10 0.05 2/345 99` has six. */
export async function numbersIn(path: string): Promise<readonly number[]> {
  return [...(await readText(path)).matchAll(/\d+(?:\.\d+)?/g)].map(([digits]) => Number(digits));
}

/** Kibibytes. */
export async function memoryOf(): Promise<Record<'total' | 'free' | 'available' | 'buffers' | 'cached', number>> {
  const text = await readText('/proc/meminfo');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return {
    total: of('MemTotal'),
    free: of('MemFree'),
    available: of('MemAvailable'),
    buffers: of('Buffers'),
    cached: of('Cached'),
  };
}

/** Counters of one interface since it was made. */
export interface InterfaceCounts {
  readonly name: string;
  readonly received: Counts;
  readonly sent: Counts;
}

interface Counts {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** Those of the network namespace that this process is in; /sys would show the one that it was mounted in. */
export async function interfaceCounts(): Promise<readonly InterfaceCounts[]> {
  return parseInterfaceCounts(await readText('/proc/net/dev'));
}

/** Two lines of headings, then `NAME:` with eight counters of what came in and eight of what went out. */
export function parseInterfaceCounts(text: string): readonly InterfaceCounts[] {
  return text.split('\n').flatMap((line): InterfaceCounts[] => {
    const [, name, rest = ''] = /^\s*(\S+):((?:\s*\d+){16})\s*$/.exec(line) ?? [];
    if (name === undefined) return [];
    const numbers = rest.trim().split(/\s+/).map(Number);
    const from = (start: number): Counts => {
      const [bytes = 0, packets = 0, errors = 0, dropped = 0] = numbers.slice(start);
      return { bytes, packets, errors, dropped };
    };
    return [{ name, received: from(0), sent: from(8) }];
  });
}
