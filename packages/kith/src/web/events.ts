/** Tells pages what changed: a look now and then as long as somebody watches, and the topics in which it differs. */
import type { Topic } from '@kith/api';
import { nodesOf, overviewOf, topologyOf } from './views.ts';
import type { Snapshot } from './sources.ts';

/** ms between two looks for those who watch. */
const LOOK_EVERY = 700;

/** What a topic shows of a look; what changes all the time without anybody having to know of it is left out. */
const SHOWN: Readonly<Record<Topic, (snapshot: Snapshot) => unknown>> = {
  overview: (snapshot) => ({ ...overviewOf(snapshot), time: 0 }),
  topology: ({ networks, routers }) => [networks.map(({ status }) => status && topologyOf(status)), routers],
  nodes: (snapshot) => nodesOf(snapshot).nodes.map((node) => ({ ...node, lastSeen: node.online ? 0 : node.lastSeen })),
  gateway: ({ gateway }) => gateway,
  shares: ({ shares }) => shares,
  shelf: ({ networks, shares }) => [
    networks.map(({ status }) => status?.members.map(({ id, online }) => [id, online])),
    shares?.shares.map(({ id, state }) => [id, state]),
  ],
};

const TOPICS = Object.keys(SHOWN) as readonly Topic[];

export class Events {
  readonly #look: () => Promise<Snapshot>;
  readonly #listeners: Set<(topics: readonly Topic[]) => void> = new Set();
  #shown: ReadonlyMap<Topic, string> = new Map();
  #timer: NodeJS.Timeout | null = null;

  constructor(look: () => Promise<Snapshot>) {
    this.#look = look;
  }

  get watched(): number {
    return this.#listeners.size;
  }

  /** Calls `listener` with what changed until the returned function is called. */
  follow(listener: (topics: readonly Topic[]) => void): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => void this.#tick(), LOOK_EVERY);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#shown = new Map();
  }

  async #tick(): Promise<void> {
    const snapshot = await this.#look();
    if (this.#timer === null) return;
    const shown = new Map(TOPICS.map((topic) => [topic, JSON.stringify(SHOWN[topic](snapshot))]));
    const changed = TOPICS.filter((topic) => this.#shown.get(topic) !== shown.get(topic));
    this.#shown = shown;
    if (changed.length > 0) for (const listener of this.#listeners) listener(changed);
  }
}
