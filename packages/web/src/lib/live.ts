/** What changes while somebody looks: one stream of events for the page, and reports that are asked for again. */
import type { ChangeEvent, SessionReport, Topic } from '@kith/api';
import { type Context, createContext, type Provider } from 'preact';
import { useContext, useEffect, useRef, useState } from 'preact/hooks';
import { type Api, ApiError, pathOf } from './api.ts';

export interface Live {
  readonly api: Api;
  readonly session: SessionReport;
  /** Calls `listener` when one of `topics` changed, or may have while nobody told. */
  readonly follow: (topics: readonly Topic[], listener: () => void) => () => void;
}

const LiveContext: Context<Live | null> = createContext<Live | null>(null);

export const LiveProvider: Provider<Live | null> = LiveContext.Provider;

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('a view is outside of the page');
  return live;
}

/** ms until a stream that broke is opened again. */
const AGAIN = 1000;

/** The stream of events, opened again whenever it breaks. */
export class Stream {
  readonly #api: Api;
  readonly #listeners: Map<() => void, readonly Topic[]> = new Map();
  readonly #abort: AbortController = new AbortController();

  constructor(api: Api) {
    this.#api = api;
    void this.#run();
  }

  follow(topics: readonly Topic[], listener: () => void): () => void {
    this.#listeners.set(listener, topics);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        for await (const line of this.#api.lines(pathOf('events'), signal)) {
          if (line.startsWith('data: ')) this.#tell((JSON.parse(line.slice(6)) as ChangeEvent).topics);
        }
      } catch {
        // Whoever shows a report says why it does not come; here it is only tried again.
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
      this.#tell(null);
    }
  }

  /** @param changed null: nobody knows */
  #tell(changed: readonly Topic[] | null): void {
    for (const [listener, topics] of this.#listeners) {
      if (changed === null || topics.some((topic) => changed.includes(topic))) listener();
    }
  }
}

export interface Report<T> {
  /** The last one that came; undefined before the first. */
  readonly value: T | undefined;
  /** Why the last question had no answer. */
  readonly error: ApiError | null;
  readonly refresh: () => void;
}

/** A report of the face, asked for again when one of its topics changes. @param path null asks nothing */
export function useReport<T>(path: string | null, ...topics: readonly Topic[]): Report<T> {
  const { api, follow } = useLive();
  const [state, setState] = useState<{ readonly path: string | null; readonly value: T | undefined }>({
    path,
    value: undefined,
  });
  const [error, setError] = useState<ApiError | null>(null);
  const again = useRef<() => void>(() => undefined);
  const key = topics.join(' ');
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let asking = false;
    let stale = false;
    const ask = async (): Promise<void> => {
      stale = true;
      if (asking) return;
      asking = true;
      while (stale && !abort.signal.aborted) {
        stale = false;
        try {
          const value = await api.get<T>(path, abort.signal);
          setState({ path, value });
          setError(null);
        } catch (reason) {
          if (!abort.signal.aborted && reason instanceof ApiError) setError(reason);
        }
      }
      asking = false;
    };
    again.current = () => void ask();
    void ask();
    const stop = follow(key === '' ? [] : (key.split(' ') as Topic[]), () => void ask());
    return () => {
      stop();
      abort.abort();
    };
  }, [api, follow, path, key]);
  return { value: state.path === path ? state.value : undefined, error, refresh: () => again.current() };
}
