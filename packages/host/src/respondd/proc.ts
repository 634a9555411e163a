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

/** 0 where there is none. */
export async function firstNumber(path: string): Promise<number> {
  return (await numbersIn(path))[0] ?? 0;
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
