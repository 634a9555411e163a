/** The dashboard: one frame, one view at a time. */
import './style.css';
import type { SessionReport } from '@kith/api';
import { type ComponentType, type JSX, render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Api, ApiError, pathOf } from '../lib/api.ts';
import { type Live, LiveProvider, Stream } from '../lib/live.ts';
import { hrefTo, usePlace } from '../lib/place.ts';
import { takeToken } from '../lib/token.ts';
import { Overview } from '../views/overview.tsx';
import { Prose } from '../widgets/report.tsx';

type View = ComponentType<{ readonly rest: readonly string[] }>;

/** Views that come when they are wanted. */
const VIEWS: Readonly<Record<string, { readonly title: string; readonly load: () => Promise<View> }>> = {
  overview: { title: 'Overview', load: () => Promise.resolve(() => <Overview />) },
  topology: {
    title: 'Topology',
    load: async () => {
      const { Topology } = await import('../views/topology.tsx');
      return ({ rest }) => <Topology label={rest[0]} />;
    },
  },
  map: { title: 'Map', load: async () => (await import('../views/map.tsx')).Places },
  nodes: {
    title: 'Nodes',
    load: async () => {
      const { Nodes } = await import('../views/nodes.tsx');
      return ({ rest }) => <Nodes id={rest[0]} />;
    },
  },
  gateway: { title: 'Gateway', load: async () => (await import('../views/gateway.tsx')).Gateway },
  shelf: { title: 'Shelf', load: async () => (await import('../views/shelf.tsx')).ShelfView },
  transfers: {
    title: 'Transfers',
    load: async () => {
      const { Transfers } = await import('../views/transfers.tsx');
      return ({ rest }) => <Transfers id={rest[0]} />;
    },
  },
};

function App({ api }: { readonly api: Api }): JSX.Element {
  const [session, setSession] = useState<SessionReport | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    api.get<SessionReport>(pathOf('session')).then(setSession, (reason: unknown) => {
      if (!(reason instanceof ApiError)) throw reason;
      setError(reason);
    });
  }, [api]);
  const live = useMemo((): Live | null => {
    if (session === null) return null;
    const stream = new Stream(api);
    return { api, session, follow: (topics, listener) => stream.follow(topics, listener) };
  }, [api, session]);
  if (error !== null) return <Refused error={error} />;
  if (live === null) return <main aria-busy="true" />;
  return (
    <LiveProvider value={live}>
      <Frame session={live.session} />
    </LiveProvider>
  );
}

function Refused({ error }: { readonly error: ApiError }): JSX.Element {
  return (
    <main>
      <h1>kith</h1>
      <div class="notice bad" role="alert">
        <strong>{error.message}</strong>
        <p>
          <Prose text={error.advice} />
        </p>
      </div>
    </main>
  );
}

function Frame({ session }: { readonly session: SessionReport }): JSX.Element {
  const { view, rest } = usePlace();
  const known = VIEWS[view] ?? VIEWS['overview'];
  const [shown, setShown] = useState<{ readonly view: string; readonly Body: View } | null>(null);
  useEffect(() => {
    let wanted = true;
    document.title = `${known?.title ?? ''} · kith`;
    void known?.load().then((Body) => {
      if (wanted) setShown({ view, Body });
    });
    return () => {
      wanted = false;
    };
  }, [known, view]);
  return (
    <>
      <a class="skip" href="#content" onClick={jumpToContent}>
        Skip to content
      </a>
      <div class="frame">
        <nav class="side" aria-label="Views">
          <div class="name">kith</div>
          <ul>
            {Object.entries(VIEWS).map(([key, { title }]) => (
              <li key={key}>
                <a href={hrefTo(key)} aria-current={key === view ? 'page' : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
          <div class="who">
            {session.who === 'owner' ? 'this machine’s owner' : `${session.member ?? ''}, ${session.who}`}
            <br />
            kith {session.version}
          </div>
        </nav>
        <main id="content" tabIndex={-1}>
          {shown !== null && shown.view === view && <shown.Body rest={rest} />}
        </main>
      </div>
    </>
  );
}

function jumpToContent(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

const root = document.getElementById('root');
if (root !== null) render(<App api={new Api(takeToken())} />, root);
