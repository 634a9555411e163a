/** The share process: one engine for all that its user shares, its API, and the links for browsers. */
import { join } from 'node:path';
import { KithError, parseAddress, type Prefix, prefixContains } from '@kith/core';
import { dhtFinder, Engine, EVERYBODY, lsdFinder, PUBLIC_BOOTSTRAP, type Share } from '@kith/share';
import { serveSocket } from '../api/socket.ts';
import type { Serving } from '../daemon/background.ts';
import { Lifetime } from '../daemon/lifetime.ts';
import type { LogSink } from '../daemon/log.ts';
import { makeFolder } from '../state/files.ts';
import { takeLock } from '../state/lock.ts';
import { fileIn } from '../state/paths.ts';
import { pagesFolder, readPages } from '../web/assets.ts';
import { plainAddress } from '../web/guard.ts';
import { Links } from './links.ts';
import { meshInterfaces, meshPlaces } from './mesh.ts';
import type { ProcessReport } from '@kith/api';
import { giveUpRights } from './rights.ts';
import { shareApp } from './server.ts';
import { ShareService } from './service.ts';
import { readSettings, writeSettings } from './settings.ts';
import { Television } from './television.ts';

/** ms between two looks at this machine's addresses in its networks. */
const LOOK_EVERY = 5_000;
export interface ShareProcessOptions {
  readonly folder: string;
  /** TCP port for peers; the one of the last time without it. */
  readonly port?: number;
  readonly sink: LogSink;
}

/** @throws KithError why it cannot run; nothing is left open then */
export async function startShareProcess(options: ShareProcessOptions): Promise<Serving> {
  const { folder, sink } = options;
  makeFolder(folder);
  giveUpRights();
  const lock = takeLock(folder, 'share');
  return Lifetime.begin(sink, async (life) => {
    life.holds(() => lock.release());
    const note = life.note.bind(life);
    let settings = readSettings(fileIn(folder, 'share'));
    const save = (changes: Partial<typeof settings>): void => {
      settings = { ...settings, ...changes };
      writeSettings(fileIn(folder, 'share'), settings);
    };
    let named = await meshInterfaces();
    let places = meshPlaces(named);
    const pages = readPagesHere((text) => note('warn', 'pages', text));
    const engine = await startEngine(folder, options.port, settings, places.prefixes, (level, text) =>
      note(level, 'engine', text),
    );
    life.holds(() => engine.close());
    engine.on('error', ({ share, error }) => note('warn', 'share', `${share.name}: ${error.message}`));
    engine.on('finished', ({ share }) => note('info', 'share', `${share.name} is whole`));

    const links: Links = new Links(
      {
        secret: settings.token,
        ...(pages === undefined ? {} : { pages }),
        // What is shared is for members alone to know: who comes from their addresses is one.
        shelf: (remote) => (isMember(remote, places.prefixes) ? service.shelf() : undefined),
      },
      settings.linkPort,
    );
    life.holds(() => links.close());
    const television = new Television({
      ...{ settings: settings.tv, secret: settings.token, links, mesh: () => named },
      shares: () => engine.shares(),
      save: (tv) => save({ tv }),
      warn: (text) => note('warn', 'tv', text),
    });
    life.holds(() => television.close());
    const service = new ShareService({ engine, links, television, places: () => places, saveRates: save });
    const offer = ({ share }: { readonly share: Share }): void => void links.offer(share);
    for (const event of ['added', 'state'] as const) engine.on(event, offer);
    await links.listen(places.addresses);
    for (const share of engine.shares()) offer({ share });
    save({ port: engine.port, linkPort: links.port });
    await television.look();

    const look = async (): Promise<void> => {
      named = await meshInterfaces();
      await television.look();
      const before = JSON.stringify(places);
      places = meshPlaces(named);
      if (JSON.stringify(places) === before) return;
      engine.allow = places.prefixes;
      await links.listen(places.addresses);
    };
    life.every(LOOK_EVERY, 'mesh', look);

    const api = await serveSocket(
      shareApp(service, life.log, () => life.end()),
      fileIn(folder, 'socket'),
    );
    life.holds(() => api.close());
    const report: ProcessReport = { pid: process.pid, port: engine.port };
    note('info', 'start', `process ${process.pid} takes peers on TCP port ${engine.port}`);
    return { report, greeting: `sharing: process ${report.pid}, TCP port ${report.port}` };
  });
}

/** The page of links; without it they show a plain list. */
function readPagesHere(warn: (text: string) => void): ReturnType<typeof readPages> | undefined {
  try {
    return readPages(pagesFolder());
  } catch (error) {
    warn(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function isMember(remote: string, prefixes: readonly Prefix[]): boolean {
  const address = parseAddress(plainAddress(remote));
  return prefixes.some((prefix) => prefixContains(prefix, address));
}

/** On the port that magnet links name already; where that is taken and nobody insists, on a free one. */
async function startEngine(
  folder: string,
  port: number | undefined,
  settings: { readonly port: number; readonly down: number; readonly up: number },
  allow: ReturnType<typeof meshPlaces>['prefixes'],
  log: (level: 'info' | 'warn', text: string) => void,
): Promise<Engine> {
  const { down, up } = settings;
  const start = (at: number): Promise<Engine> =>
    Engine.start({
      ...{ folder, port: at, allow, log, dht: true },
      // Both work for public shares alone, and have no socket before the first.
      finders: [
        dhtFinder({ filter: EVERYBODY, bootstrap: PUBLIC_BOOTSTRAP, file: join(folder, 'dht.nodes'), log }),
        lsdFinder({ filter: EVERYBODY }),
      ],
      rates: { ...(down === 0 ? {} : { down }), ...(up === 0 ? {} : { up }) },
    });
  try {
    return await start(port ?? settings.port);
  } catch (error) {
    if (port !== undefined || !(error instanceof KithError && error.code === 'SHARE_PORT_UNUSABLE')) throw error;
    log('warn', `${error.message}; a free one is taken, and magnet links made before name the old one`);
    return start(0);
  }
}
