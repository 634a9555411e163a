/** Makes one change of a plan on the host. Each may be made twice: what is gone already, or there already, is fine. */
import { join } from 'node:path';
import { KithError } from '@kith/core';
import { type Change, isOfKind, type ItemOf, type Kind } from '@kith/gateway';
import { must } from '../../command.ts';
import type { Daemons } from '../../supervisor/daemons.ts';
import { changeDirectory, changeFile } from './files.ts';
import { loadModule, putBack, writeSysctl } from './kernel.ts';
import { changeLink } from './links.ts';
import { changeBatman, changeWireGuard } from './mesh.ts';
import { changeAddress, changeForwarding, changeRoute, changeRule } from './routing.ts';

/** What changes are made with. */
export interface Means {
  /** The folder of keys. */
  readonly state: string;
  readonly daemons: Daemons;
  /** Texts for `nft -f`, by digest. */
  readonly rulesets: Readonly<Record<string, string>>;
}

export async function make(change: Change, means: Means): Promise<void> {
  const item = change.after ?? change.before;
  if (item === null) return;
  const { name, kind } = item;
  switch (kind) {
    case 'link':
      return changeLink(name, change);
    case 'address':
      return changeAddress(was(change, kind)?.value ?? null, willBe(change, kind)?.value ?? null);
    case 'route':
      return changeRoute(was(change, kind)?.value ?? null, willBe(change, kind)?.value ?? null);
    case 'rule':
      return changeRule(was(change, kind)?.value ?? null, willBe(change, kind)?.value ?? null);
    case 'forwarding':
      return changeForwarding(was(change, kind)?.value ?? null, willBe(change, kind)?.value ?? null);
    case 'table':
      return changeTable(name, change, means);
    case 'file':
      return changeFile(name, willBe(change, kind)?.value ?? null);
    case 'directory':
      return changeDirectory(name, willBe(change, kind)?.value ?? null);
    case 'daemon':
      return changeDaemon(name, change, means);
    default:
      return changeSetting(change, means);
  }
}

/** What cannot be taken away: it goes with its interface, or stays as the kernel has it. */
async function changeSetting(change: Change, { state }: Means): Promise<void> {
  const { after, operation } = change;
  if (after === null) return;
  const { name, kind } = after;
  if (kind === 'module') await loadModule(name);
  if (kind === 'sysctl') {
    const { value } = after.value;
    await (operation === 'restore' ? putBack({ [name]: value }) : writeSysctl(name, value));
  }
  // What comes back with its link begins at the kernel's own settings.
  const fresh = operation === 'remake';
  if (kind === 'batman') await changeBatman(name, fresh ? null : (was(change, kind)?.value ?? null), after.value);
  if (kind === 'wireguard') {
    const before = fresh ? null : (was(change, kind)?.value ?? null);
    await changeWireGuard(name, before, after.value, join(state, 'wireguard.key'));
  }
}

async function changeDaemon(name: string, change: Change, { daemons }: Means): Promise<void> {
  const after = willBe(change, 'daemon');
  await (after === null ? daemons.stop(name) : daemons.start(name, after.value, change.operation === 'restart'));
}

function was<K extends Kind>({ before }: Change, kind: K): ItemOf<K> | null {
  return before !== null && isOfKind(before, kind) ? before : null;
}

function willBe<K extends Kind>({ after }: Change, kind: K): ItemOf<K> | null {
  return after !== null && isOfKind(after, kind) ? after : null;
}

/** One transaction of the kernel each, whatever there was before. */
async function changeTable(name: string, { operation, after }: Change, { rulesets }: Means): Promise<void> {
  const text = after?.kind === 'table' ? rulesets[after.value.digest] : undefined;
  if (text !== undefined) return void (await must(['nft', '-f', '-'], { input: text }));
  // A table of this name that no journal knows is one whose journal was lost.
  if (operation !== 'remove' && operation !== 'restore')
    throw new KithError('INTERNAL', `there is no text for the table "${name}"`);
  await must(['nft', '-f', '-'], { input: `add table inet ${name}\ndelete table inet ${name}\n` });
}
