/** Links for browsers and players to what is shared: on this machine's addresses in the mesh, or on loopback alone. */
import { codeOf, KithError } from '@kith/core';
import { type Share, StreamServer, type StreamFolder } from '@kith/share';

export class Links {
  readonly #token: string;
  readonly #folders: Map<string, StreamFolder> = new Map();
  #port: number;
  #servers: { readonly host: string; readonly server: StreamServer; readonly base: string }[] = [];
  #work: Promise<void> = Promise.resolve();

  /** @param port 0 for any free one */
  constructor(token: string, port: number) {
    this.#token = token;
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

  /** Of a share, for others where this machine is in a network; of a single file to it. */
  link(share: Share): string | undefined {
    return this.url(share, undefined);
  }

  /** @param path of a file in the torrent */
  url(share: Share, path: string | undefined, local: boolean = false): string | undefined {
    const folder = this.#folders.get(share.id) ?? share.stream();
    const place = local ? this.#servers[0] : this.#servers.at(-1);
    if (folder === undefined || place === undefined) return undefined;
    if (!this.#folders.has(share.id)) {
      this.#folders.set(share.id, folder);
      for (const { server } of this.#servers) server.add(share.id, folder);
    }
    const only = folder.files.length === 1 ? 0 : -1;
    const index = path === undefined ? only : folder.files.findIndex(({ name }) => name === path);
    return place.base + (index < 0 ? `${share.id}/` : place.server.path(share.id, index));
  }

  remove(id: string): void {
    this.#folders.delete(id);
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

  async #open(host: string): Promise<{ host: string; server: StreamServer; base: string } | undefined> {
    for (const port of new Set([this.#port, 0])) {
      const server = new StreamServer({ host, port, token: this.#token });
      try {
        const base = await server.listen();
        if (host === '127.0.0.1') this.#port = Number(new URL(base).port);
        for (const [id, folder] of this.#folders) server.add(id, folder);
        return { host, server, base };
      } catch (error) {
        // An address that is gone again already is as good as none; a port that is taken is not worth a failure.
        if (codeOf(error) !== 'EADDRNOTAVAIL' && !(error instanceof KithError)) throw error;
      }
    }
    return undefined;
  }
}
