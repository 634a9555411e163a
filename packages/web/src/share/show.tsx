/** One file, looked at or listened to. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { SharedFile, ShareInfo } from '../engine/messages.ts';
import { kindOf, nameOf } from './kinds.ts';
import { Player } from './player.tsx';
import { saveUrl, sourceOf, type Visit } from './visit.ts';

/** Text that is shown, bytes: nobody reads more in a page. */
const MOST_TEXT = 262_144;

export function Show({
  visit,
  share,
  file,
}: {
  readonly visit: Visit;
  readonly share: ShareInfo;
  readonly file: SharedFile;
}): JSX.Element {
  const source = sourceOf(visit, file);
  const kind = kindOf(file);
  return (
    <section class="show" aria-label={file.path}>
      {(kind === 'video' || kind === 'audio') && (
        <Player key={source} visit={visit} share={share} file={file} source={source} kind={kind} />
      )}
      {kind === 'image' && <Picture key={source} visit={visit} file={file} source={source} />}
      {kind === 'text' && <Text key={source} file={file} source={source} />}
    </section>
  );
}

function Picture({
  visit,
  file,
  source,
}: {
  readonly visit: Visit;
  readonly file: SharedFile;
  readonly source: string;
}): JSX.Element {
  const [failed, setFailed] = useState(false);
  if (failed) return <Unplayable visit={visit} file={file} why="The browser cannot show this image." />;
  return <img src={source} alt={nameOf(file)} onError={() => setFailed(true)} />;
}

function Text({ file, source }: { readonly file: SharedFile; readonly source: string }): JSX.Element {
  const [text, setText] = useState<string | undefined>();
  useEffect(() => {
    const abort = new AbortController();
    const range = file.length > MOST_TEXT ? { Range: `bytes=0-${MOST_TEXT - 1}` } : {};
    fetch(source, { headers: range, signal: abort.signal })
      .then((response) => response.text())
      .then(setText, (error: unknown) => {
        if (!abort.signal.aborted) setText(error instanceof Error ? error.message : String(error));
      });
    return () => abort.abort();
  }, [source]);
  return (
    <pre class="text" tabIndex={0} dir="auto">
      {text ?? '…'}
      {file.length > MOST_TEXT && text !== undefined && '\n…'}
    </pre>
  );
}

/** Says what fails, and leads to the file itself. */
export function Unplayable({
  visit,
  file,
  why,
}: {
  readonly visit: Visit;
  readonly file: SharedFile;
  readonly why: string;
}): JSX.Element {
  return (
    <div class="notice" id="notice-unplayable" role="status">
      <strong>{why}</strong>
      <p>
        <a href={saveUrl(visit, file)}>Save {nameOf(file)}</a> and open it with a player of your own, for example mpv or
        VLC; the playlist below opens there too.
      </p>
    </div>
  );
}
