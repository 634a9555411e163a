/** The face: the process that serves the pages of this machine's networks, gateway and shares. */
import { join } from 'node:path';
import type { FaceProcessReport } from '@kith/api';
import { KithError } from '@kith/core';
import { jsonApp, serveSocket } from '../api/socket.ts';
import type { Serving } from '../daemon/background.ts';
import { Lifetime } from '../daemon/lifetime.ts';
import type { LogSink } from '../daemon/log.ts';
import { meshInterfaces, meshPlaces } from '../share/mesh.ts';
import { makeFolder } from '../state/files.ts';
import { takeLock } from '../state/lock.ts';
import { fileIn } from '../state/paths.ts';
import { readVersion } from '../version.ts';
import { faceApp } from './app.ts';
import { pagesFolder, readPages } from './assets.ts';
import { Events } from './events.ts';
import { keeperSource } from './keeper-source.ts';
import { History } from './history.ts';
import { FaceServer } from './server.ts';
import { type FaceSettings, readFaceSettings, writeFaceSettings } from './settings.ts';
import { Shelf } from './shelf.ts';
import { Sources } from './sources.ts';

/** ms between two looks that go into the history. */
const SAMPLE_EVERY = 10_000;
export interface FaceOptions {
  readonly folder: string;
  /** What is given here is remembered. */
  readonly changes: Partial<Pick<FaceSettings, 'port' | 'mesh' | 'downloads' | 'tiles'>>;
  readonly sink: LogSink;
}

/** @throws KithError why it cannot run; nothing is left open then */
export async function startFace({ folder, changes, sink }: FaceOptions): Promise<Serving> {
  makeFolder(folder);
  const lock = takeLock(folder, 'web');
  return Lifetime.begin(sink, async (life) => {
    life.holds(() => lock.release());
    const note = life.note.bind(life);
    const settings = { ...readFaceSettings(fileIn(folder, 'web')), ...changes };
    const sources = new Sources(keeperSource());
    const history = new History(join(folder, 'history.sqlite'));
    life.holds(() => history.close());
    const events = new Events(() => sources.look(true));
    life.holds(() => events.close());
    const memberAt = (address: string): { readonly name: string; readonly admin: boolean } | null => {
      for (const { status } of sources.last?.networks ?? []) {
        const member = status?.members.find(({ address4, address6 }) => address4 === address || address6 === address);
        if (member !== undefined && !member.self) return { name: member.name, admin: member.admin };
      }
      return null;
    };
    const app = faceApp({
      ...{ sources, history, events, shelf: new Shelf(), version: readVersion() },
      ...{ downloads: settings.downloads, tiles: settings.tiles },
      pages: readPages(pagesFolder()),
      house: {
        get names() {
          return server.names;
        },
        token: settings.token,
        memberAt,
      },
    });
    const server = new FaceServer(app);
    life.holds(() => server.close());
    await open(server, settings.port, changes.port !== undefined, (text) => note('warn', 'port', text));
    writeFaceSettings(fileIn(folder, 'web'), { ...settings, port: server.port });

    const look = async (): Promise<void> => {
      history.add(await sources.look());
      await server.follow(settings.mesh ? meshPlaces(await meshInterfaces()).addresses : []);
    };
    await look();
    life.every(SAMPLE_EVERY, 'look', look);

    const report = (): FaceProcessReport => ({
      pid: process.pid,
      port: server.port,
      url: `http://127.0.0.1:${server.port}/#token=${settings.token}`,
      places: [...server.names].map((name) => `http://${name}/`),
    });
    const own = jsonApp();
    own.get('/v1/face', (c) => c.json(report()));
    own.post('/v1/stop', (c) => {
      life.end();
      return c.json({ done: true });
    });
    const api = await serveSocket(own, fileIn(folder, 'socket'));
    life.holds(() => api.close());
    note('info', 'start', `process ${process.pid} serves the page on port ${server.port}`);
    return { report: report(), greeting: report().url };
  });
}

/** On the port that links name already; where that is taken and nobody insists, on a free one. */
async function open(server: FaceServer, port: number, insists: boolean, warn: (text: string) => void): Promise<void> {
  try {
    await server.open(port);
  } catch (error) {
    if (insists || !(error instanceof KithError && error.code === 'PORT_IN_USE')) throw error;
    warn(`${error.message}; a free one is taken`);
    await server.open(0);
  }
}
