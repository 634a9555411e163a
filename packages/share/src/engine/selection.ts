import { KithError } from '@kith/core';
import { type Metainfo, NORMAL_PRIORITY } from '@kith/torrent';

/** A file by the number that people see: from 1 on, padding not counted. `index` is its place in `Metainfo.files`. */
export interface NumberedFile {
  readonly number: number;
  readonly index: number;
  readonly path: string;
  readonly length: number;
}

export function numberedFiles(metainfo: Pick<Metainfo, 'files'>): NumberedFile[] {
  let number = 0;
  return metainfo.files.flatMap((file, index) =>
    file.padding ? [] : [{ number: ++number, index, path: file.path.join('/'), length: file.length }],
  );
}

/**
 * Priorities by file for those that `patterns` pick: a number, a range such as `2-5`, or a glob over the path with `*`,
 * `**` and `?`. A glob without a slash means names of files and folders anywhere.
 * @throws KithError SHARE_SELECTION where a pattern picks nothing
 */
export function selectFiles(metainfo: Metainfo, patterns: readonly string[]): number[] {
  const files = numberedFiles(metainfo);
  const priorities = metainfo.files.map(() => 0);
  for (const pattern of patterns) {
    const picks = pickerOf(pattern);
    const picked = files.filter((file) => picks(file, metainfo.name));
    if (picked.length === 0) {
      throw new KithError(
        'SHARE_SELECTION',
        `${JSON.stringify(pattern)} picks none of the ${files.length} files of ${metainfo.name}`,
      );
    }
    for (const { index } of picked) priorities[index] = NORMAL_PRIORITY;
  }
  return priorities;
}

/** Priorities for the ranges of a magnet link, which count all files from 0 on (BEP 53). */
export function selectRanges(metainfo: Metainfo, ranges: readonly (readonly [number, number])[]): number[] {
  return metainfo.files.map((_, index) =>
    ranges.some(([first, last]) => index >= first && index <= last) ? NORMAL_PRIORITY : 0,
  );
}

function pickerOf(pattern: string): (file: NumberedFile, name: string) => boolean {
  const [, first, last] = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(pattern) ?? [];
  if (first !== undefined) {
    return ({ number }) => number >= Number(first) && number <= Number(last ?? first);
  }
  const glob = expressionOf(pattern.replace(/^\.?\/|\/$/g, ''));
  if (!pattern.replace(/\/$/, '').includes('/')) return ({ path }) => path.split('/').some((part) => glob.test(part));
  // With or without the torrent's own folder in front, and folders for all that is in them.
  return ({ path }, name) => {
    const inside = path.startsWith(`${name}/`) ? path.slice(name.length + 1) : path;
    return [path, inside].some((text) => prefixesOf(text).some((prefix) => glob.test(prefix)));
  };
}

function prefixesOf(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

function expressionOf(glob: string): RegExp {
  const source = glob.replaceAll(/\*\*\/?|\*|\?|[\\^$.|+()[\]{}]/g, (token) => {
    if (token.startsWith('**')) return '.*';
    if (token === '*') return '[^/]*';
    return token === '?' ? '[^/]' : `\\${token}`;
  });
  return new RegExp(`^${source}$`, 'iu');
}

/** By file, from priorities; without them all are wanted. */
export function wantedOf(metainfo: Metainfo, priorities: readonly number[] | undefined): boolean[] {
  return metainfo.files.map((_, index) => (priorities?.[index] ?? NORMAL_PRIORITY) > 0);
}
