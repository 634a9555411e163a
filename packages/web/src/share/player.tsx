/** A film or a sound, with the captions that lie beside it. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SharedFile, ShareInfo } from '../engine/messages.ts';
import { captionText, MOST_CAPTIONS, toVtt } from './captions.ts';
import { captionsOf, nameOf } from './kinds.ts';
import { keepPlace, placeIn } from './place.ts';
import type { Remux } from './remux.ts';
import { Unplayable } from './show.tsx';
import { sourceOf, type Visit } from './visit.ts';

interface Track {
  readonly url: string;
  readonly label: string;
}

/** How long to wait where nothing comes, ms. */
const AGAIN = 2000;

/** `remux`: its container is unknown to the browser, so the page makes another of it. `waiting`: nothing comes just now. */
type Way = { readonly kind: 'plain' | 'remux' | 'waiting' } | { readonly kind: 'failed'; readonly why: string };

export function Player({
  visit,
  share,
  file,
  source,
  kind,
}: {
  readonly visit: Visit;
  readonly share: ShareInfo;
  readonly file: SharedFile;
  readonly source: string;
  readonly kind: 'video' | 'audio';
}): JSX.Element {
  const [way, setWay] = useState<Way>({ kind: 'plain' });
  const tracks = useTracks(visit, share, file);
  const media = useRef<HTMLVideoElement & HTMLAudioElement>(null);
  useEffect(() => {
    const element = media.current;
    if (way.kind !== 'remux' || element === null) return;
    return startRemux(source, element, (why) => setWay({ kind: 'failed', why: `${cannotPlay(file)}: ${why}.` }));
  }, [way.kind, source]);
  useEffect(() => {
    if (way.kind !== 'waiting') return;
    const timer = setTimeout(() => setWay({ kind: 'plain' }), AGAIN);
    return () => clearTimeout(timer);
  }, [way.kind]);
  if (way.kind === 'waiting') return <Waiting file={file} />;
  if (way.kind === 'failed') return <Unplayable visit={visit} file={file} why={way.why} />;
  const onError = ({ currentTarget: { error } }: { readonly currentTarget: HTMLMediaElement }): void => {
    const { kind: tried } = way;
    void comes(source).then((here) => {
      if (!here) setWay({ kind: 'waiting' });
      else if (tried === 'plain' && error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED) setWay({ kind: 'remux' });
      else setWay({ kind: 'failed', why: problemOf(file, error) });
    });
  };
  const Element = kind;
  const film = `${share.id} ${file.number}`;
  return (
    <Element
      key={way.kind}
      ref={media}
      data-way={way.kind}
      {...(way.kind === 'plain' ? { src: source } : {})}
      controls
      playsInline
      preload="metadata"
      onError={onError}
      onLoadedMetadata={({ currentTarget }) => {
        const place = placeIn(film);
        if (place > 0 && place < currentTarget.duration - 1) currentTarget.currentTime = place;
      }}
      onTimeUpdate={({ currentTarget }) => keepPlace(film, currentTarget.currentTime)}
      aria-label={nameOf(file)}
    >
      {tracks.map(({ url, label }, i) => (
        <track key={url} kind="subtitles" src={url} label={label} srclang={languageOf(label)} default={i === 0} />
      ))}
    </Element>
  );
}

function Waiting({ file }: { readonly file: SharedFile }): JSX.Element {
  return (
    <div class="notice" id="notice-waiting" role="status">
      <strong>{nameOf(file)} does not come just now.</strong>
      <p>It is asked for again until it does: leave this page open.</p>
    </div>
  );
}

/** Whether the trouble is with what comes, and not that nothing does: browsers do not tell the two apart. */
async function comes(source: string): Promise<boolean> {
  try {
    return (await fetch(source, { headers: { Range: 'bytes=0-0' } })).ok;
  } catch {
    return false;
  }
}

/** @returns ends it */
function startRemux(source: string, media: HTMLMediaElement, failed: (why: string) => void): () => void {
  let running: Remux | undefined;
  let over = false;
  // A large part of the page for few films.
  import('./remux.ts')
    .then(({ remux }) => remux(source, media))
    .then(
      (remuxed) => {
        if (over) remuxed.close();
        else running = remuxed;
      },
      (error: unknown) => {
        if (!over) failed(error instanceof Error ? error.message : String(error));
      },
    );
  return () => {
    over = true;
    running?.close();
  };
}

function cannotPlay(file: SharedFile): string {
  return `This browser cannot play ${nameOf(file)}`;
}

function problemOf(file: SharedFile, error: MediaError | null): string {
  if (error?.code === MediaError.MEDIA_ERR_NETWORK) return `${nameOf(file)} broke off: where it came from went away.`;
  return `${cannotPlay(file)}.${error?.message ? ` It says: ${error.message}` : ''}`;
}

/** Captions in the form that browsers show, for as long as the film is there. */
function useTracks(visit: Visit, share: ShareInfo, film: SharedFile): readonly Track[] {
  const [tracks, setTracks] = useState<readonly Track[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const made: string[] = [];
    const load = async (): Promise<void> => {
      const loaded: Track[] = [];
      for (const { file, label } of captionsOf(film, share.files)) {
        if (file.length > MOST_CAPTIONS) continue;
        const response = await fetch(sourceOf(visit, file), { signal: abort.signal });
        const text = toVtt(captionText(new Uint8Array(await response.arrayBuffer())));
        const url = URL.createObjectURL(new Blob([text], { type: 'text/vtt' }));
        made.push(url);
        loaded.push({ url, label });
      }
      if (!abort.signal.aborted) setTracks(loaded);
    };
    // A film without its captions is still a film.
    load().catch(() => undefined);
    return () => {
      abort.abort();
      for (const url of made) URL.revokeObjectURL(url);
    };
  }, [film.number]);
  return tracks;
}

function languageOf(label: string): string {
  return /^[a-z]{2,3}(?:-[A-Za-z]{2,4})?$/.test(label) ? label : 'und';
}
