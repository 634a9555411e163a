/** Links for browsers and players to what is shared: on this machine's addresses in the mesh, or on loopback alone. */
import { codeOf, KithError } from '@kith/core';
import { type Door, hasPlaylist, LinkServer, type LinkServerOptions, type Share } from '@kith/share';
import type { StreamFolder } from '@kith/torrent';

export class Links {
  readonly #options: Pick<LinkServerOptions, 'secret' | 'pages' | 'shelf'>;
  readonly #doors: Map<string, Door> = new Map();
  #port: number;
  #servers: { readonly host: string; readonly server: LinkServer; readonly base: string }[] = [];
  #work: Promise<void> = Promise.resolve();

  /** @param port 0 for any free one */
  constructor(options: Pick<LinkServerOptions, 'secret' | 'pages' | 'shelf'>, port: number) {
    this.#options = options;
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens on loopback and on `hosts`, and nowhere else any more. */
  listen(hosts: readonly string[]): Promise<void> {
    this.#work = this.#work.then(() => this.#listen(['127.0.0.1', ...hosts]));
    return this.#work;
  }

  /** The page of a share, for others where this machine is in a network. */
  link(share: Share): string | undefined {
    const place = this.#servers.at(-1);
    return place !== undefined && this.offer(share) ? place.base + place.server.path(share.id) : undefined;
  }

  /** A list of what can be played, for players: below the page where `here` is false, on this machine alone where it is true. */
  playlist(share: Share, here: boolean): string | undefined {
    const place = this.#servers.at(here ? 0 : -1);
    const folder = this.folder(share);
    if (place === undefined || folder === undefined || !hasPlaylist(folder)) return undefined;
    return `${place.base}${place.server.path(share.id)}playlist.m3u8`;
  }

  /** Its files as they come; undefined while nobody knows what is in it. */
  folder(share: Share): StreamFolder | undefined {
    return this.offer(share) ? this.#doors.get(share.id)?.folder : undefined;
  }

  /** A file of it for a player on this machine. @param path in the torrent */
  url(share: Share, path: string): string | undefined {
    const place = this.#servers[0];
    if (place === undefined || !this.offer(share)) return undefined;
    const index = this.#doors.get(share.id)?.folder.files.findIndex(({ name }) => name === path) ?? -1;
    return place.base + place.server.path(share.id, index < 0 ? undefined : index);
  }

  /** Path of a share's page on every address that is listened on; undefined while nobody knows what is in it. */
  path(share: Share): string | undefined {
    const place = this.#servers[0];
    return place !== undefined && this.offer(share) ? `/${place.server.path(share.id)}` : undefined;
  }

  /** Whoever has its link gets in from now on. False while nobody knows what is in it. */
  offer(share: Share): boolean {
    if (this.#doors.has(share.id)) return true;
    const door = share.door();
    if (door === undefined) return false;
    this.#doors.set(share.id, door);
    for (const { server } of this.#servers) server.add(share.id, door.folder, door);
    return true;
  }

  remove(id: string): void {
    this.#doors.delete(id);
    for (const { server } of this.#servers) server.remove(id);
  }

  async close(): Promise<void> {
    await this.#work;
    await Promise.all(this.#servers.map(({ server }) => server.close()));
  }

  async #listen(hosts: readonly string[]): Promise<void> {
    const gone = this.#servers.filter(({ host }) => !hosts.includes(host));
    this.#servers = this.#servers.filter(({ host }) => hosts.includes(host));
    await Promise.all(gone.map(({ server }) => server.close()));
    for (const host of hosts) {
      if (this.#servers.some((each) => each.host === host)) continue;
      const opened = await this.#open(host);
      if (opened !== undefined) this.#servers.push(opened);
    }
  }

  async #open(host: string): Promise<{ host: string; server: LinkServer; base: string } | undefined> {
    for (const port of new Set([this.#port, 0])) {
      const server = new LinkServer({ ...this.#options, host, port });
      try {
        const base = await server.listen();
        if (host === '127.0.0.1') this.#port = Number(new URL(base).port);
        for (const [id, door] of this.#doors) server.add(id, door.folder, door);
        return { host, server, base };
      } catch (error) {
        // An address that is gone again already is as good as none; a port that is taken is not worth a failure.
        if (codeOf(error) !== 'EADDRNOTAVAIL' && !(error instanceof KithError)) throw error;
      }
    }
    return undefined;
  }
}
