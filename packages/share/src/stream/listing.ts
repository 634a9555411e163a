import type { StreamFolder } from '@kith/torrent';
import { contentType } from './content-type.ts';

/** A list of files in a form: `type` for Content-Type. */
export interface Listing {
  readonly type: string;
  readonly body: string;
}

/** Path of a file below its folder's. The name is for players and people; only the number counts. */
export function filePath(index: number, name: string): string {
  return `files/${index}/${encodeURIComponent(name.slice(name.lastIndexOf('/') + 1))}`;
}

export function htmlListing(folder: StreamFolder): Listing {
  const rows = folder.files.map(
    ({ name, length }, i) => `<li><a href="${filePath(i, name)}">${escapeHtml(name)}</a> ${length} bytes</li>`,
  );
  const title = escapeHtml(folder.name);
  const links = '<p><a href="playlist.m3u8">Playlist</a> · <a href="files.json">JSON</a></p>';
  const body = `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${links}<ul>${rows.join('')}</ul>\n`;
  return { type: 'text/html; charset=utf-8', body };
}

export function jsonListing(folder: StreamFolder, base: string): Listing {
  const files = folder.files.map(({ name, length }, i) => ({
    ...{ name, length, type: contentType(name), url: base + filePath(i, name) },
  }));
  return { type: 'application/json', body: `${JSON.stringify({ name: folder.name, files })}\n` };
}

/** Whether there is anything in it to play. */
export function hasPlaylist(folder: StreamFolder): boolean {
  return folder.files.some(({ name }) => isPlayable(name));
}

/** What can be played, in the order of the files. */
export function playlist(folder: StreamFolder, base: string): Listing {
  const lines = folder.files.flatMap(({ name }, i) =>
    isPlayable(name) ? [`#EXTINF:-1,${name.replaceAll(/[\r\n]/g, ' ')}`, base + filePath(i, name)] : [],
  );
  return { type: 'audio/x-mpegurl', body: `${['#EXTM3U', ...lines].join('\n')}\n` };
}

function isPlayable(name: string): boolean {
  return /^(?:video|audio)\//.test(contentType(name));
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
