import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePrefix } from '@kith/core';
import { Lab, type Host } from '@kith/lab';
import { transmission } from '@kith/lab/torrent';
import { startKithOn, type RunningKith } from './kith.ts';
import { type Change, lacking, Place, TEST, until } from './place.ts';

const PORT = 6881;
/** Bytes per second: Transmission says the first time after a minute and a half whom it knows. */
const SLOW = 20_000;
const [THIRD, HUB, LEECH] = ['203.0.113.11', '203.0.113.12', '203.0.113.13'];

/** Programs on machines of their own: Transmission neither tells of addresses of loopback nor takes them. */
class Apart {
  readonly #lab: Lab;
  readonly #place: Place;
  readonly #hosts: Record<string, Host> = {};

  constructor(lab: Lab, place: Place) {
    this.#lab = lab;
    this.#place = place;
  }

  async raise(): Promise<void> {
    const internet = await this.#lab.internet();
    for (const [name, address] of Object.entries({ third: THIRD, hub: HUB, leech: LEECH })) {
      this.#hosts[name] = await this.#lab.host(name, { on: internet, address });
    }
  }

  async kith(
    name: string,
    { peers = [], ...change }: Omit<Change, 'peers'> & { peers?: string[] },
  ): Promise<RunningKith> {
    return startKithOn(this.#host(name), {
      torrent: { file: this.#place.torrent },
      content: this.#place.folder(name),
      state: this.#place.folder(`${name} state`),
      ...{ port: PORT, seed: false, addresses: ['0.0.0.0'], allow: [parsePrefix('203.0.113.0/24')] },
      ...change,
      peers: peers.map((ip) => ({ ip, port: PORT })),
    });
  }

  /** Steered by its folder for torrents: its RPC is not within reach. */
  async transmission(name: string): Promise<void> {
    const [state, watched] = [this.#place.folder(`${name} state`), this.#place.folder(`${name} torrents`)];
    const settings = {
      ...{ 'dht-enabled': false, 'lpd-enabled': false, 'utp-enabled': false, 'port-forwarding-enabled': false },
      ...{ 'download-dir': this.#place.folder(name), 'peer-port': PORT, 'pex-enabled': true },
      ...{ 'rpc-enabled': false, 'watch-dir': watched, 'watch-dir-enabled': true },
    };
    writeFileSync(join(state, 'settings.json'), JSON.stringify(settings));
    copyFileSync(this.#place.torrent, join(watched, 'content.torrent'));
    await this.#host(name).spawn(['transmission-daemon', '--foreground', '--config-dir', state, '--log-error']);
  }

  #host(name: string): Host {
    const host = this.#hosts[name];
    if (host === undefined) throw new RangeError(`no machine is called ${name}`);
    return host;
  }
}

/** What `pexTests` do, with Transmission. */
export function apartTests(): void {
  const options = { skip: lacking(transmission), ...TEST };
  for (const tells of [true, false]) {
    const [from, to] = tells ? ['transmission', 'kith'] : ['kith', 'transmission'];
    test(`${from} tells ${to} of a third peer, and ${to} gets blocks from it`, options, async (t) => {
      const place = await Place.make(t);
      const lab = await Lab.create();
      t.after(() => lab.close());
      const apart = new Apart(lab, place);
      await apart.raise();
      await apart.transmission(tells ? 'hub' : 'leech');
      // Who hears of the other on the way must not be the one that connects.
      const seeding = { seed: true, content: place.seeded, upLimit: SLOW };
      const seed = tells
        ? await apart.kith('third', { ...seeding, peers: [HUB] })
        : await apart.kith('third', { ...seeding, limits: { dialing: 0 } });
      if (tells) await apart.kith('leech', { downLimit: SLOW, peers: [HUB] });
      else await apart.kith('hub', { upLimit: 1000, peers: [THIRD, LEECH] });
      await until(
        () => seed.report(),
        (seen) => seen.peers.some((peer) => peer.ip === LEECH && peer.uploaded > 0),
        `a connection of ${to}`,
        170_000,
      );
    });
  }
}
