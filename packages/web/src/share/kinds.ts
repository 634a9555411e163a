/** What a file is to somebody who looks at it, by its type and its name. */
import type { SharedFile } from '../engine/messages.ts';

export type Kind = 'video' | 'audio' | 'image' | 'text' | 'pdf' | 'captions' | 'other';

export function kindOf({ path, type }: SharedFile): Kind {
  if (/\.(?:srt|vtt)$/i.test(path)) return 'captions';
  if (type.startsWith('video/')) return 'video';
  if (type.startsWith('audio/')) return 'audio';
  // SVG may carry scripts; in an image they do not run, but nobody loses by saving it.
  if (type.startsWith('image/') && !type.includes('svg')) return 'image';
  if (type.startsWith('text/plain')) return 'text';
  return type === 'application/pdf' ? 'pdf' : 'other';
}

/** What the page opens with: the largest film, or else the first that can be heard or seen. */
export function firstToShow(files: readonly SharedFile[]): SharedFile | undefined {
  const films = files.filter((file) => kindOf(file) === 'video').toSorted((a, b) => b.length - a.length);
  return films[0] ?? (['audio', 'image'] as const).flatMap((kind) => files.filter((f) => kindOf(f) === kind))[0];
}

export function nameOf({ path }: SharedFile): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export interface Captions {
  readonly file: SharedFile;
  /** What stands between the film's name and the ending, for example `en`. */
  readonly label: string;
}

/** Captions that lie beside a film: of its name, with or without a language. */
export function captionsOf(film: SharedFile, files: readonly SharedFile[]): Captions[] {
  const stem = film.path.replace(/\.[^./]*$/, '');
  return files.flatMap((file) => {
    if (kindOf(file) !== 'captions' || !file.path.startsWith(stem)) return [];
    const rest = /^(?:[.\-_ ]([^/]*))?\.(?:srt|vtt)$/i.exec(file.path.slice(stem.length));
    return rest === null ? [] : [{ file, label: rest[1] ?? 'captions' }];
  });
}
