/** What is moved: files of random bytes in memory, and their torrents. */
import { execFileSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from './measures.ts';

const CHUNK = 16 * 1024 * 1024;
const MANY = 10_000;

export interface Content {
  readonly name: string;
  /** Holds the content, as a seed wants it. */
  readonly folder: string;
  readonly torrent: string;
  readonly bytes: number;
}

/** @param bytes of the large files; many files have a quarter of it together */
export function make(kind: Case, folder: string, bytes: number): Content {
  const seeded = join(folder, `${kind}-content`);
  const torrent = join(folder, `${kind}.torrent`);
  mkdirSync(seeded);
  const name = kind === 'manyFiles' ? 'many' : 'film.bin';
  const path = join(seeded, name);
  const written = kind === 'manyFiles' ? writeMany(path, bytes / 4) : writeOne(path, bytes);
  const pieceKiB = kind === '16KiB' ? 16 : kind === '1MiB' ? 1024 : 256;
  execFileSync('transmission-create', ['--piecesize', String(pieceKiB), '--outfile', torrent, path], { stdio: 'pipe' });
  return { name: kind, folder: seeded, torrent, bytes: written };
}

function writeOne(path: string, bytes: number): number {
  const file = openSync(path, 'w');
  const chunk = Buffer.alloc(Math.min(CHUNK, bytes));
  let left = bytes;
  while (left > 0) {
    randomFillSync(chunk);
    left -= writeSync(file, chunk, 0, Math.min(left, chunk.length));
  }
  closeSync(file);
  return bytes;
}

/** Sizes from 0.5 to 1.5 times the mean, so that pieces and files do not meet at the same places. */
function writeMany(folder: string, bytes: number): number {
  mkdirSync(folder);
  const mean = Math.floor(bytes / MANY);
  const chunk = Buffer.alloc(2 * mean);
  let sum = 0;
  for (let i = 0; i < MANY; i++) {
    const size = Math.floor(mean * (0.5 + ((i * 7919) % MANY) / MANY));
    if (i % 100 === 0) mkdirSync(join(folder, `d${i / 100}`));
    randomFillSync(chunk, 0, size);
    writeFileSync(join(folder, `d${Math.floor(i / 100)}`, `f${i}.dat`), chunk.subarray(0, size));
    sum += size;
  }
  return sum;
}
