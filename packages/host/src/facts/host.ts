/** What has to be known of a machine before it becomes a gateway. */
import { accessSync, constants } from 'node:fs';
import { hostname, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Address, parseAddress, type Prefix, prefixOf, scopeOf } from '@kith/core';
import type { Host, HostFacts } from '@kith/gateway';
import { admittedRouters } from '../broker/router-file.ts';
import { must, PROGRAM_FOLDERS } from '../command.ts';
import { moduleState, readSysctl } from '../observe/kernel.ts';
import { listLinks } from '../observe/links.ts';
import { parseAddresses } from '../observe/routing.ts';
import { sessionInterface } from './session.ts';

/** What a gateway may be made with; which of them it needs is the file's business. */
const PROGRAMS = ['ip', 'bridge', 'nft', 'dnsmasq', 'chronyd', 'fastd', 'wg', 'batctl'];

export interface HostOptions {
  /** Picks this gateway out of the file's list; the machine's name when not given. */
  readonly name?: string;
  /** The interface that the file names as exit; null where it names none. */
  readonly exit: string | null;
  /** Interface of the mesh, and where names are asked beyond it; null where there is none. */
  readonly mesh: { readonly interface: string; readonly resolvers: readonly Address[] } | null;
  readonly draining: boolean;
  readonly folders: Host['folders'];
}

/** The machine as numbers are derived from it. @throws KithError GATEWAY_RECORD_CORRUPT for the list of routers let in */
export async function hostOn({ name, exit, mesh, draining, folders }: HostOptions): Promise<Host> {
  const links = await listLinks();
  const found = mesh === null ? undefined : links.get(mesh.interface);
  return {
    name: name ?? hostname().split('.')[0] ?? '',
    memoryBytes: totalmem(),
    initialNamespace: (await readSysctl('net/ipv4/neigh/default/gc_thresh3')) !== null,
    mesh:
      mesh === null || found === undefined
        ? null
        : { interface: found.name, mtu: found.mtu, resolvers: mesh.resolvers },
    exitMtu: exit === null ? null : (links.get(exit)?.mtu ?? null),
    draining,
    admitted: admittedRouters(folders.state),
    folders,
  };
}

/** The machine as far as something on it may speak against a file. */
export async function hostFacts(): Promise<HostFacts> {
  const [links, addresses, session, batman] = await Promise.all([
    listLinks(),
    must(['ip', '-j', 'address', 'show']).then(parseAddresses),
    sessionInterface(),
    moduleState('batman-adv'),
  ]);
  const interfaces = [...links.keys()].map((name) => ({
    name,
    prefixes: addresses.filter(({ value }) => value.device === name).flatMap(({ value }) => onLink(value.address)),
  }));
  return {
    isRoot: process.geteuid?.() === 0,
    interfaces,
    session,
    programs: new Set(PROGRAMS.filter(isInstalled)),
    hasBatman: batman !== 'missing',
    kernel: release(),
  };
}

/** Every machine has those of the loopback and of each link: they are in nobody's way. */
function onLink(cidr: string): Prefix[] {
  const [text = '', length = ''] = cidr.split('/');
  const address = parseAddress(text);
  return ['loopback', 'link-local'].includes(scopeOf(address)) ? [] : [prefixOf(address, Number(length))];
}

function isInstalled(program: string): boolean {
  return PROGRAM_FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
