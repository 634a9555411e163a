/** What a television sees: the films, music and pictures of shares, in their folders. */
import { createHash } from 'node:crypto';
import type { StreamFile } from '@kith/torrent';
import { type MediaKind, mediaKind } from './media-type.ts';

/** A share whose owner lets televisions see it. */
export interface MediaShare {
  /** Names it in identifiers and addresses: letters, digits, `-` and `_`. Tells nothing about how else it is reached. */
  readonly key: string;
  readonly name: string;
  /** All its files, in an order that stays. */
  readonly files: readonly StreamFile[];
  /** By place in `files`: those that come or are here. What its owner does not want is not loaded for being looked at. */
  offered(): readonly boolean[];
}

export interface MediaContainer {
  readonly kind: 'container';
  readonly id: string;
  readonly parent: string;
  readonly title: string;
  readonly children: MediaObject[];
}

export interface MediaItem {
  readonly kind: 'item';
  readonly id: string;
  readonly parent: string;
  readonly title: string;
  readonly media: MediaKind;
  readonly source: MediaSource;
  /** Beside it, by the same name. */
  readonly subtitles: MediaSource | undefined;
}

export type MediaObject = MediaContainer | MediaItem;

/** A file of a share. */
export interface MediaSource {
  readonly key: string;
  readonly number: number;
  readonly file: StreamFile;
}

/** The container of all, and who is above it (ContentDirectory:1, 2.7.4.2). */
const ROOT = '0';
const ABOVE = '-1';
/** ms that a tree is good for: televisions ask for many pages and ranges in a row. */
const FRESH = 2000;

export class MediaLibrary {
  readonly #shares: () => readonly MediaShare[];
  readonly #now: () => number;
  #objects: ReadonlyMap<string, MediaObject> = new Map();
  #sources: ReadonlyMap<string, MediaSource> = new Map();
  #seenAt: number = Number.NEGATIVE_INFINITY;
  #mark = '';
  #update = 0;

  /** @param now monotonic ms */
  constructor(shares: () => readonly MediaShare[], now: () => number) {
    this.#shares = shares;
    this.#now = now;
  }

  /** Grows with every change of what there is to see. */
  get update(): number {
    this.#look();
    return this.#update;
  }

  /** Films, pieces of music and pictures. */
  get size(): number {
    this.#look();
    return [...this.#objects.values()].filter(({ kind }) => kind === 'item').length;
  }

  /** What is offered changed by somebody's word: it counts at once. */
  changed(): void {
    this.#seenAt = Number.NEGATIVE_INFINITY;
  }

  object(id: string): MediaObject | undefined {
    this.#look();
    return this.#objects.get(id);
  }

  /** A film or the subtitles beside it: what is not offered cannot be fetched. */
  source(key: string, number: number): MediaSource | undefined {
    this.#look();
    return this.#sources.get(idOf(key, number));
  }

  /** Beside a film. */
  subtitles({ key, number }: MediaSource): MediaSource | undefined {
    const object = this.object(idOf(key, number));
    return object?.kind === 'item' ? object.subtitles : undefined;
  }

  #look(): void {
    const now = this.#now();
    if (now < this.#seenAt + FRESH) return;
    this.#seenAt = now;
    const root: MediaContainer = { kind: 'container', id: ROOT, parent: ABOVE, title: 'kith', children: [] };
    const objects = new Map<string, MediaObject>([[ROOT, root]]);
    const sources = new Map<string, MediaSource>();
    for (const share of this.#shares()) addShare(share, root, objects, sources);
    const hash = createHash('sha256');
    for (const object of objects.values()) {
      if (object.kind === 'container') object.children.sort(byName);
      hash.update(JSON.stringify([object.id, object.title, object.kind === 'item' && object.subtitles?.number]));
    }
    const mark = hash.digest('base64');
    if (mark !== this.#mark) this.#update++;
    this.#mark = mark;
    this.#objects = objects;
    this.#sources = sources;
  }
}

function addShare(
  share: MediaShare,
  root: MediaContainer,
  objects: Map<string, MediaObject>,
  sources: Map<string, MediaSource>,
): void {
  const { key, name, files } = share;
  const offered = share.offered();
  const listed = files.flatMap((file, number) => {
    const media = offered[number] === true ? mediaKind(file.name) : undefined;
    return media === undefined ? [] : [{ file, number, media }];
  });
  if (listed.length === 0) return;
  const beside = subtitlesOf(share, offered);
  // A share of one file is that file.
  const single = files.length === 1;
  // Most torrents have all in one folder, called as the share is.
  const [top = ''] = foldersOf(files[0]?.name ?? '');
  const begin = files.every((file) => file.name.startsWith(`${top}/`)) ? top : '';
  // Ids of folders are of their first file: they stay when more is wanted.
  const firsts = new Map<string, number>();
  for (const [number, file] of files.entries())
    for (const folder of foldersOf(file.name)) if (!firsts.has(folder)) firsts.set(folder, number);
  const add = (object: MediaObject, to: MediaContainer): void => {
    to.children.push(object);
    objects.set(object.id, object);
  };
  const container = (folder: string): MediaContainer => {
    const id = folder === begin ? key : `${key}.${folder.split('/').length}.${firsts.get(folder) ?? 0}`;
    const known = objects.get(id);
    if (known?.kind === 'container') return known;
    const to = folder === begin ? root : container(folderOf(folder));
    const title = folder === begin ? name : baseName(folder);
    const made: MediaContainer = { kind: 'container', id, parent: to.id, title, children: [] };
    add(made, to);
    return made;
  };
  for (const { file, number, media } of listed) {
    const to = single ? root : container(folderOf(file.name));
    const source = { key, number, file };
    const subtitles = media === 'video' ? beside(file.name) : undefined;
    const title = single ? name : baseName(file.name);
    add({ kind: 'item', id: idOf(key, number), parent: to.id, title, media, source, subtitles }, to);
    for (const each of [source, subtitles]) if (each !== undefined) sources.set(idOf(key, each.number), each);
  }
}

/** Subtitles for a film: `film.srt` beside `film.mkv`, else the first of `film.*.srt`. */
function subtitlesOf(
  { key, files }: MediaShare,
  offered: readonly boolean[],
): (film: string) => MediaSource | undefined {
  const found = new Map<string, MediaSource>();
  for (const [number, file] of files.entries()) {
    if (offered[number] !== true || !/\.srt$/i.test(file.name)) continue;
    const exact = file.name.slice(0, -4);
    found.set(exact, { key, number, file });
    const without = exact.replace(/\.[^./]{1,16}$/, '');
    if (!found.has(without)) found.set(without, { key, number, file });
  }
  return (film) => found.get(film.replace(/\.[^./]*$/, ''));
}

const order = new Intl.Collator('en', { numeric: true });

/** Folders first, each in the order in which people count. */
function byName(a: MediaObject, b: MediaObject): number {
  if (a.kind !== b.kind) return a.kind === 'container' ? -1 : 1;
  return order.compare(a.title, b.title);
}

function idOf(key: string, number: number): string {
  return `${key}:${number}`;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** All that a file is in, without the share's own. */
function foldersOf(path: string): string[] {
  return [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
