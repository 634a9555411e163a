/** Settings below /proc/sys and modules of the kernel. */
import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { codeOf } from '@kith/core';
import type { Item } from '@kith/gateway';
import type { Interest } from './interest.ts';

export async function observeSysctls(interest: Interest): Promise<Item[]> {
  const found = await Promise.all(
    interest.names('sysctl').map(async (name): Promise<Item | null> => {
      const value = await readSysctl(name);
      return value === null ? null : { kind: 'sysctl', name, value: { value } };
    }),
  );
  return found.filter((item) => item !== null);
}

/** @param name with slashes: names of interfaces have dots. Null where the kernel does not have it, or not now */
export async function readSysctl(name: string): Promise<string | null> {
  try {
    return (await readFile(`/proc/sys/${name}`, 'utf8')).trimEnd();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return null;
    throw error;
  }
}

export async function observeModules(interest: Interest): Promise<Item[]> {
  const found = await Promise.all(
    interest
      .names('module')
      .map(async (name): Promise<Item | null> =>
        (await moduleState(name)) === 'loaded' ? { kind: 'module', name, value: { loaded: true } } : null,
      ),
  );
  return found.filter((item) => item !== null);
}

/** `loaded` also for what is part of the kernel; `loadable` when a file of it lies beside the kernel's others. */
export async function moduleState(name: string): Promise<'loaded' | 'loadable' | 'missing'> {
  const loaded = await stat(`/sys/module/${name.replaceAll('-', '_')}`).catch(() => null);
  if (loaded !== null) return 'loaded';
  const folder = `/lib/modules/${release()}`;
  const listed = async (file: string): Promise<boolean> => {
    const text = await readFile(`${folder}/${file}`, 'utf8').catch(() => '');
    return text.split('\n').some((line) => line.split(':')[0]?.split('/').at(-1)?.split('.')[0] === name);
  };
  if (await listed('modules.builtin')) return 'loaded';
  return (await listed('modules.dep')) ? 'loadable' : 'missing';
}
