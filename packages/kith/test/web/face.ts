/** The real face over a look at a network that the test makes up. */
import { faceApp } from '../../src/web/app.ts';
import { pagesFolder, readPages } from '../../src/web/assets.ts';
import { Events } from '../../src/web/events.ts';
import { History } from '../../src/web/history.ts';
import { FaceServer } from '../../src/web/server.ts';
import { Shelf } from '../../src/web/shelf.ts';
import type { GatewaySource, Snapshot } from '../../src/web/sources.ts';

const TOKEN = 'T'.repeat(22);

export interface TestFace {
  /** With the owner's token. */
  readonly url: string;
  /** What the next look sees; pages hear of it. */
  show(snapshot: Omit<Snapshot, 'at'>): void;
  readonly asked: readonly string[];
  readonly history: History;
  close(): Promise<void>;
}

export async function startTestFace(first: Omit<Snapshot, 'at'>): Promise<TestFace> {
  let seen = first;
  const asked: string[] = [];
  const note = (what: string): Promise<void> => {
    asked.push(what);
    return Promise.resolve();
  };
  const gateway: GatewaySource = {
    report: () => Promise.resolve(seen.gateway),
    routers: () => Promise.resolve(seen.routers),
    examine: async (mend) => {
      await note(`examine ${mend}`);
      return [];
    },
    ban: (address, seconds) => note(`ban ${address} ${seconds}`),
    unban: (address) => note(`unban ${address}`),
  };
  const look = (): Promise<Snapshot> => Promise.resolve({ at: Date.now(), ...seen });
  const history = new History(':memory:');
  const events = new Events(look);
  const server = new FaceServer(
    faceApp({
      ...{
        sources: { look, gateway },
        history,
        events,
        shelf: new Shelf(),
        version: '0.1.0',
        downloads: '/nonexistent',
        tiles: null,
      },
      pages: readPages(pagesFolder()),
      house: {
        get names() {
          return server.names;
        },
        token: TOKEN,
        memberAt: () => null,
      },
    }),
  );
  await server.open(0);
  return {
    ...{ asked, history },
    url: `http://127.0.0.1:${server.port}/#token=${TOKEN}`,
    show: (snapshot) => {
      seen = snapshot;
    },
    close: async () => {
      events.close();
      await server.close();
      history.close();
    },
  };
}
