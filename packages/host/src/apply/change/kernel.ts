/** Settings below /proc/sys and modules of the kernel. */
import { readdir, writeFile } from 'node:fs/promises';
import { codeOf, KithError } from '@kith/core';
import { must } from '../../command.ts';
import { moduleState, readSysctl } from '../../observe/kernel.ts';

/** Switches that make the kernel set others by itself: each interface's own, and whether redirects are believed. */
const SWITCHES: Readonly<Record<string, { readonly folder: string; readonly also: readonly string[] }>> = {
  'net/ipv4/ip_forward': { folder: 'net/ipv4/conf', also: ['net/ipv4/conf/all/accept_redirects'] },
  'net/ipv6/conf/all/forwarding': { folder: 'net/ipv6/conf', also: [] },
};

/** @throws KithError HOST_COMMAND_FAILED when the kernel does not take it */
export async function writeSysctl(name: string, value: string): Promise<void> {
  try {
    await writeFile(`/proc/sys/${name}`, `${value}\n`);
  } catch (error) {
    const why = codeOf(error) === 'ENOENT' ? 'this kernel does not have it' : String(error);
    throw new KithError('HOST_COMMAND_FAILED', `/proc/sys/${name} cannot be set to ${value}: ${why}`, { cause: error });
  }
}

/** What the kernel will change by itself when this one is set: sysctl → its value now. */
export async function drawnAlong(name: string): Promise<Record<string, string>> {
  const found = SWITCHES[name];
  if (found === undefined) return {};
  const interfaces = await readdir(`/proc/sys/${found.folder}`).catch(() => []);
  const names = [...found.also, ...interfaces.map((each) => `${found.folder}/${each}/forwarding`)];
  const values = await Promise.all(names.map(async (each) => [each, await readSysctl(each)] as const));
  const entries = values.filter((entry): entry is [string, string] => entry[1] !== null && entry[0] !== name);
  return Object.fromEntries(entries);
}

/** Whether a switch draws this one along. */
export function isDrawnBy(name: string, sysctl: string): boolean {
  const found = SWITCHES[name];
  return found !== undefined && sysctl.startsWith(`${found.folder}/`);
}

/** Sets what is there and differs; interfaces come and go. */
export async function putBack(values: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    const now = await readSysctl(name);
    if (now !== null && now !== value) await writeSysctl(name, value);
  }
}

export async function loadModule(name: string): Promise<void> {
  if ((await moduleState(name)) !== 'loaded') await must(['modprobe', name]);
}
