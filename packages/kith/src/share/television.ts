/** The media server for televisions: off until somebody says on, and then in the local networks that were named. */
import { createHmac } from 'node:crypto';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { TvReport } from '@kith/api';
import { isIPv4, KithError, prefixParts, scopeOf } from '@kith/core';
import type { StreamFolder } from '@kith/torrent';
import { MediaLibrary, MediaServer, type MediaShare, type Share } from '@kith/share';
import { type LocalAddress, localAddresses } from '../daemon/addresses.ts';
import type { Links } from './links.ts';
import type { TvRequest } from './requests.ts';
import type { TvSettings } from './settings.ts';

export interface TelevisionInit {
  readonly settings: TvSettings;
  readonly save: (settings: TvSettings) => void;
  /** What keys and the device's own name are made from. */
  readonly secret: string;
  readonly shares: () => readonly Share[];
  readonly links: Links;
  /** Interfaces of kith's networks, besides those that are called `kith…`. */
  readonly mesh: () => ReadonlySet<string>;
  readonly warn: (text: string) => void;
}

interface Place {
  readonly local: LocalAddress;
  /** Undefined where it could not start: `problem` says why. */
  readonly server: MediaServer | undefined;
  readonly problem: string | undefined;
}

/** After the ports for peers and for links. */
const USUAL_PORT = 6553;

export class Television {
  readonly #init: TelevisionInit;
  readonly #library: MediaLibrary;
  readonly #name: string = `kith on ${hostname()}`;
  #settings: TvSettings;
  #places: Place[] = [];
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(init: TelevisionInit) {
    this.#init = init;
    this.#settings = init.settings;
    this.#library = new MediaLibrary(
      () => this.#shares(),
      () => performance.now(),
    );
  }

  /** @param shares ids; null for what they were @throws KithError SHARE_TELEVISION */
  async set({ on, interfaces }: TvRequest, shares: readonly string[] | null): Promise<TvReport> {
    const named = interfaces.length > 0 ? interfaces : this.#settings.interfaces;
    if (on) for (const name of named) this.#check(name);
    this.#settings = {
      on,
      interfaces: named.length > 0 || !on ? named : [this.#only()],
      shares: shares ?? this.#settings.shares,
    };
    this.#init.save(this.#settings);
    this.#library.changed();
    await this.look();
    return this.report();
  }

  report(): TvReport {
    const { on, interfaces, shares } = this.#settings;
    const places = interfaces.map((name) => {
      const place = this.#places.find(({ local }) => local.interface === name);
      return {
        ...{ interface: name, url: place?.server?.url ?? null },
        problem: !on || place?.server !== undefined ? null : (place?.problem ?? 'it has no private IPv4 address now'),
      };
    });
    return { on, name: this.#name, interfaces, shares, places, titles: this.#library.size };
  }

  /** Follows the addresses of the interfaces, and tells televisions what is new. To be called now and then. */
  look(): Promise<void> {
    // What goes wrong here keeps nobody from sharing, and is tried again the next time.
    this.#work = this.#work.then(() => this.#follow()).catch((error: unknown) => this.#init.warn(String(error)));
    return this.#work;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    await closeAll(this.#places.splice(0));
  }

  async #follow(): Promise<void> {
    if (this.#closed) return;
    const { on, interfaces } = this.#settings;
    const wanted = on ? this.#candidates().filter((local) => interfaces.includes(local.interface)) : [];
    // What could not start is tried again each time.
    const stays = ({ local, server }: Place): boolean =>
      server !== undefined && wanted.some((each) => each.address === local.address && each.prefix === local.prefix);
    const ended = this.#places.filter((place) => !stays(place));
    this.#places = this.#places.filter(stays);
    await closeAll(ended);
    for (const local of wanted) {
      if (this.#places.some((place) => place.local.interface === local.interface)) continue;
      const known = ended.find((place) => place.local.address === local.address)?.problem;
      this.#places.push(await this.#open(local, known));
    }
    for (const { server } of this.#places) server?.refresh();
  }

  async #open(local: LocalAddress, known: string | undefined): Promise<Place> {
    const { address, prefix } = local;
    const server = new MediaServer({
      ...{ address, prefix, port: USUAL_PORT, name: this.#name, uuid: this.#uuid(), library: this.#library },
    });
    try {
      await server.start();
      return { local, server, problem: undefined };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== known) this.#init.warn(`no televisions in the network of ${local.interface}: ${problem}`);
      return { local, server: undefined, problem };
    }
  }

  #shares(): MediaShare[] {
    const { shares: ids } = this.#settings;
    return this.#init.shares().flatMap((share) => {
      const folder = ids.length === 0 || ids.includes(share.id) ? this.#init.links.folder(share) : undefined;
      if (folder === undefined) return [];
      return [
        { key: this.#derive(share.id), name: share.name, files: folder.files, offered: () => offered(share, folder) },
      ];
    });
  }

  /** Where televisions may be: private networks that are none of kith's. */
  #candidates(): LocalAddress[] {
    const mesh = this.#init.mesh();
    return localAddresses().filter(
      (local) =>
        isIPv4(local.address) &&
        scopeOf(local.address) === 'private' &&
        prefixParts(local.prefix).length < 31 &&
        !local.interface.startsWith('kith') &&
        !mesh.has(local.interface),
    );
  }

  #check(name: string): void {
    if (this.#candidates().some((local) => local.interface === name)) return;
    throw new KithError(
      'SHARE_TELEVISION',
      `--interface ${JSON.stringify(name)} has no private IPv4 address, or belongs to kith: ${this.#choice()}`,
    );
  }

  /** The interface, where there is only one that can be meant. */
  #only(): string {
    const names = this.#names();
    const [only, other] = names;
    if (only !== undefined && other === undefined) return only;
    throw new KithError('SHARE_TELEVISION', `in which network are the televisions? ${this.#choice()}`);
  }

  #choice(): string {
    const names = this.#names();
    return names.length === 0 ? 'no interface here can serve' : `--interface is one of ${names.join(', ')}`;
  }

  #names(): string[] {
    return [...new Set(this.#candidates().map((local) => local.interface))];
  }

  #derive(what: string): string {
    const { secret } = this.#init;
    return createHmac('sha256', secret)
      .update(`kith television\0${what}`)
      .digest()
      .subarray(0, 16)
      .toString('base64url');
  }

  /** In the form of RFC 9562, version 8: televisions want the same one after every start. */
  #uuid(): string {
    const bytes = Buffer.from(this.#derive(''), 'base64url');
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
}

async function closeAll(places: readonly Place[]): Promise<void> {
  await Promise.all(places.flatMap(({ server }) => (server === undefined ? [] : [server.close()])));
}

/** By place in the share's folder: what is here, and what is on its way. */
function offered(share: Share, { files }: StreamFolder): boolean[] {
  const { state } = share.snapshot();
  const moving = state === 'downloading' || state === 'checking' || state === 'seeding' || state === 'queued';
  const known = new Map(share.files().map((file) => [file.path, file]));
  return files.map(({ name }) => {
    const file = known.get(name);
    return file !== undefined && (file.done === file.length || (moving && file.priority > 0));
  });
}
