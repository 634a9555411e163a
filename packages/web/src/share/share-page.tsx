/** The page: what is shared, a player, and how it fares. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SharedFile, ShareInfo } from '../engine/messages.ts';
import { bytes } from '../lib/format.ts';
import { Facts, forget } from './facts.tsx';
import { FileTable } from './file-table.tsx';
import { firstToShow } from './kinds.ts';
import { LINK } from './load.ts';
import { noticesOf } from './notices.ts';
import { Show } from './show.tsx';
import { startVisit, type Visit } from './visit.ts';

export function SharePage(): JSX.Element {
  const [visit, setVisit] = useState<Visit>({ kind: 'loading' });
  useEffect(() => void startVisit(setVisit), []);
  if (visit.kind === 'loading') return <Frame>{<p class="quiet">Asking {location.host} …</p>}</Frame>;
  if (visit.kind === 'unknown') return <Unknown />;
  if (visit.kind === 'unreachable') return <Unreachable />;
  return <Opened visit={visit} share={visit.share} />;
}

function Opened({ visit, share }: { readonly visit: Visit; readonly share: ShareInfo }): JSX.Element {
  const [shown, setShown] = useState<SharedFile | undefined>(() => firstToShow(share.files));
  useEffect(() => {
    document.title = share.name;
  }, [share.name]);
  const engine = visit.kind === 'engine' ? visit.engine : undefined;
  const report = visit.kind === 'engine' ? visit.report : undefined;
  const whole = share.files.every((file) => report?.wanted[file.number] === true);
  return (
    <Frame>
      <h1 dir="auto">{share.name}</h1>
      <p class="quiet">
        {share.files.length === 1 ? 'One file' : `${share.files.length} files`}, {bytes(share.size)}, from{' '}
        {location.host}
      </p>
      <div role="status">
        {noticesOf(visit, location.host).map(({ id, tone, what, next }) => (
          <div key={id} id={`notice-${id}`} class={`notice ${tone}`}>
            <strong>{what}</strong>
            <p>{next}</p>
            {id === 'full' && engine !== undefined && (
              <button type="button" class="small danger" onClick={() => forget(engine, 'others')}>
                Delete other shares from {location.host}
              </button>
            )}
          </div>
        ))}
      </div>
      {shown !== undefined && visit.kind !== 'starting' && <Show visit={visit} share={share} file={shown} />}
      <FileTable visit={visit} share={share} shown={shown} show={setShown} />
      <div class="tools">
        {engine !== undefined && !whole && (
          <button type="button" onClick={() => engine.want(share.files.map(({ number }) => number))}>
            Load everything
          </button>
        )}
        <a href={new URL('playlist.m3u8', LINK).href} download>
          Playlist for a player
        </a>
      </div>
      {engine !== undefined && report !== undefined && <Facts engine={engine} report={report} share={share} />}
    </Frame>
  );
}

function Unknown(): JSX.Element {
  return (
    <Frame>
      <h1>This link leads to nothing</h1>
      <div class="notice bad" id="notice-unknown" role="status">
        <strong>{location.host} knows of no share behind it.</strong>
        <p>
          The share was ended, the end of the link got lost on its way, or the node does not know yet what is in it. Try
          again in a while, or ask whoever gave it to you for a new one.
        </p>
      </div>
      <Again />
    </Frame>
  );
}

function Unreachable(): JSX.Element {
  return (
    <Frame>
      <h1>No answer</h1>
      <div class="notice bad" id="notice-unreachable" role="status">
        <strong>{location.host} does not answer.</strong>
        <p>It may be switched off, or you left the network that you share with it. Try again once both are there.</p>
      </div>
      <Again />
    </Frame>
  );
}

function Again(): JSX.Element {
  return (
    <button type="button" class="main" onClick={() => location.reload()}>
      Try again
    </button>
  );
}

function Frame({ children }: { readonly children: preact.ComponentChildren }): JSX.Element {
  return <main class="share">{children}</main>;
}
