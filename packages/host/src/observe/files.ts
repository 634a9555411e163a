/** Files and folders of the gateway. */
import type { Stats } from 'node:fs';
import { lstat, open, readFile } from 'node:fs/promises';
import { codeOf, KithError } from '@kith/core';
import type { Item } from '@kith/gateway';
import type { Interest } from './interest.ts';

/** Nothing that kith writes comes near; what lies in its place and is larger is not read (bytes). */
const LARGEST = 4 << 20;

export async function observeFiles(interest: Interest): Promise<Item[]> {
  const found = await Promise.all(interest.names('file').map(fileItem));
  return found.filter((item) => item !== null);
}

async function fileItem(name: string): Promise<Item | null> {
  const stats = await statOrNull(name);
  if (stats === null) return null;
  if (!stats.isFile() || stats.size > LARGEST) throw inTheWay(name, stats.isFile() ? 'is too large' : 'is no file');
  const file = await open(name, 'r');
  try {
    const bytes = await file.readFile();
    const content = bytes.toString('utf8');
    // What does not come back byte by byte must not be replaced.
    if (!Buffer.from(content).equals(bytes)) throw inTheWay(name, 'is no text');
    return { kind: 'file', name, value: { mode: stats.mode & 0o7777, content } };
  } finally {
    await file.close();
  }
}

export async function observeDirectories(interest: Interest): Promise<Item[]> {
  const names = interest.names('directory');
  if (names.length === 0) return [];
  const users = await userNames();
  const found = await Promise.all(
    names.map(async (name): Promise<Item | null> => {
      const stats = await statOrNull(name);
      if (stats === null) return null;
      if (!stats.isDirectory()) throw inTheWay(name, 'is no folder');
      const owner = users.get(stats.uid) ?? String(stats.uid);
      return { kind: 'directory', name, value: { mode: stats.mode & 0o7777, owner } };
    }),
  );
  return found.filter((item) => item !== null);
}

/** Names of the users of this machine by number. */
export async function userNames(): Promise<ReadonlyMap<number, string>> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  return new Map(lines.flatMap(([name, , id]) => (name === undefined || id === undefined ? [] : [[Number(id), name]])));
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function inTheWay(path: string, why: string): KithError {
  return new KithError('GATEWAY_IN_THE_WAY', `${path} belongs to the gateway, but what is there ${why}: move it away`);
}
