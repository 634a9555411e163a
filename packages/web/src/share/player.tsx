/** A film or a sound, with the captions that lie beside it. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SharedFile, ShareInfo } from '../engine/messages.ts';
import { captionText, MOST_CAPTIONS, toVtt } from './captions.ts';
import { captionsOf, nameOf } from './kinds.ts';
import { Unplayable } from './show.tsx';
import { sourceOf, type Visit } from './visit.ts';

interface Track {
  readonly url: string;
  readonly label: string;
}

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
  const [problem, setProblem] = useState<string | undefined>();
  const tracks = useTracks(visit, share, file);
  if (problem !== undefined) return <Unplayable visit={visit} file={file} why={problem} />;
  const onError = ({ currentTarget }: { readonly currentTarget: HTMLMediaElement }): void =>
    setProblem(problemOf(file, currentTarget.error));
  if (kind === 'audio')
    return <audio src={source} controls preload="metadata" onError={onError} aria-label={nameOf(file)} />;
  return (
    <video src={source} controls playsInline preload="metadata" onError={onError} aria-label={nameOf(file)}>
      {tracks.map(({ url, label }, i) => (
        <track key={url} kind="subtitles" src={url} label={label} srclang={languageOf(label)} default={i === 0} />
      ))}
    </video>
  );
}

function problemOf(file: SharedFile, error: MediaError | null): string {
  if (error?.code === MediaError.MEDIA_ERR_NETWORK) return `${nameOf(file)} broke off: where it came from went away.`;
  const said = error?.message ? ` It says: ${error.message}` : '';
  return `This browser cannot play ${nameOf(file)}.${said}`;
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
