import { isUtf8 } from 'node:buffer';
import type { Stats } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import { codeOf, KithError } from '@kith/core';
import type { SourceFile } from '@kith/torrent';

export interface WalkOptions {
  /** Takes files and folders whose name begins with a dot, and what Windows hides in folders. Default false. */
  readonly hidden?: boolean;
  /**
   * Symbolic links inside the folder: `keep` writes those to files and folders of the torrent as links (BEP 47) and skips
   * the others, `follow` takes what they point to, wherever that is, `skip` leaves them out. Default `keep`.
   */
  readonly links?: 'keep' | 'follow' | 'skip';
  readonly signal?: AbortSignal;
}

/** A file to be hashed, and how it looked when it was found. */
export interface FoundFile extends SourceFile {
  /** On disk, absolute. */
  readonly source: string;
  readonly mtimeMs: number;
  readonly inode: number;
}

export interface Found {
  /** The path names a file itself, not a folder. */
  readonly single: boolean;
  readonly name: string;
  readonly files: readonly FoundFile[];
  /** What was left out, by paths below the folder: hidden files, links, sockets and devices. */
  readonly skipped: readonly string[];
}

/** Files of Windows and macOS that nobody means to share; those of macOS begin with a dot anyhow. */
const JUNK = new Set(['thumbs.db', 'desktop.ini']);

/**
 * Finds what belongs into a torrent.
 * @throws KithError TORRENT_SOURCE_EMPTY, TORRENT_SOURCE_UNREADABLE; what `signal` gives as reason
 */
export async function walk(path: string, options: WalkOptions): Promise<Found> {
  const root = resolve(path);
  const top = await readable(root, stat(root));
  const name = basename(root);
  if (top.isFile()) return { single: true, name, files: [found([name], root, top)], skipped: [] };
  if (!top.isDirectory()) {
    throw new KithError('TORRENT_SOURCE_UNREADABLE', `${root} is neither a file nor a folder`);
  }
  const walker = new Walker(root, options);
  await walker.folder([], root, [await readable(root, realpath(root))]);
  if (walker.files.length === 0) throw new KithError('TORRENT_SOURCE_EMPTY', `there are no files in ${root}`);
  return { single: false, name, files: walker.linked(), skipped: walker.skipped };
}

class Walker {
  readonly files: FoundFile[] = [];
  readonly skipped: string[] = [];
  readonly #root: string;
  readonly #options: WalkOptions;
  readonly #folders = new Set<string>();

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** `ways` are the real paths of the folders above: following links must not go round in circles. */
  async folder(path: readonly string[], source: string, ways: readonly string[]): Promise<void> {
    this.#options.signal?.throwIfAborted();
    this.#folders.add(path.join('/'));
    for (const raw of await readable(source, readdir(source, { encoding: 'buffer' }))) {
      const name = raw.toString();
      if (!isUtf8(raw)) {
        throw new KithError('TORRENT_SOURCE_UNREADABLE', `the name ${JSON.stringify(name)} in ${source} is no UTF-8`);
      }
      await this.#entry([...path, name], `${source}${sep}${name}`, ways);
    }
  }

  /** The files, of the links only those to something in the torrent, which is known only after the walk. */
  linked(): FoundFile[] {
    const known = new Set([...this.#folders, ...this.files.map((file) => file.path.join('/'))]);
    return this.files.filter((file) => {
      const keep = file.symlink === undefined || (file.symlink.length > 0 && known.has(file.symlink.join('/')));
      if (!keep) this.skipped.push(file.path.join('/'));
      return keep;
    });
  }

  async #entry(path: readonly string[], source: string, ways: readonly string[]): Promise<void> {
    const name = path.at(-1) ?? '';
    const { hidden = false, links = 'keep' } = this.#options;
    let stats = await readable(source, lstat(source));
    if (!hidden && (name.startsWith('.') || JUNK.has(name.toLowerCase()))) {
      this.skipped.push(path.join('/'));
    } else if (stats.isSymbolicLink() && links === 'keep') {
      this.files.push({
        ...found(path, source, stats),
        length: 0,
        executable: false,
        symlink: await this.#target(source),
      });
    } else {
      if (stats.isSymbolicLink() && links === 'follow') stats = await readable(source, stat(source));
      if (stats.isFile()) this.files.push(found(path, source, stats));
      else if (stats.isDirectory()) await this.#inner(path, source, ways);
      else this.skipped.push(path.join('/'));
    }
  }

  async #inner(path: readonly string[], source: string, ways: readonly string[]): Promise<void> {
    const real = await readable(source, realpath(source));
    if (ways.includes(real)) this.skipped.push(path.join('/'));
    else await this.folder(path, source, [...ways, real]);
  }

  /** Where a link leads, from the root on; nothing where that is the root itself or there is nothing. */
  async #target(source: string): Promise<readonly string[]> {
    try {
      const way = relative(await realpath(this.#root), await realpath(source));
      return way === '' ? [] : way.split(sep);
    } catch {
      return [];
    }
  }
}

function found(path: readonly string[], source: string, stats: Stats): FoundFile {
  const executable = (stats.mode & 0o100) !== 0;
  return { path, source, length: stats.size, executable, mtimeMs: stats.mtimeMs, inode: stats.ino };
}

/** Names what can't be read. */
async function readable<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new KithError('TORRENT_SOURCE_UNREADABLE', `${path} can't be read: ${reasonOf(cause)}`, { cause });
  }
}

export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown reason';
  const code = codeOf(cause);
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return cause.message;
}
