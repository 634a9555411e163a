import { closeSync, constants, fstatSync, ftruncateSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from '@kith/core';

const OPEN_OR_CREATE = constants.O_RDWR | constants.O_CREAT;

/** An open file. `lookedAt`: when its size and time were last compared, in ms of `performance.now`. */
export interface Handle {
  readonly fd: number;
  readonly writable: boolean;
  lookedAt: number;
}

export interface Target {
  readonly path: string;
  /** The file's length, undefined for one that grows (the part file). */
  readonly length?: number;
  readonly executable?: boolean;
}

/**
 * Open files of all torrents of one worker, the longest unused closed first: ten thousand small files need no ten
 * thousand descriptors.
 */
export class FileHandles {
  readonly #max: number;
  /** In order of use. */
  readonly #open: Map<string, Handle> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  /** Throws Node's error where there is no such file. */
  forReading(path: string): Handle {
    const known = this.#known(path);
    if (known !== undefined) return known;
    return this.#keep(path, { fd: openSync(path, 'r'), writable: false, lookedAt: -Infinity });
  }

  /**
   * Opens the file, gives it its length (sparse), and with `create` makes it and the folders between `folder` and it where
   * they are missing. `whole`: everything that belongs into it is written next, and nothing but its end has to be cut.
   */
  forWriting(folder: string, target: Target, create: boolean, whole: boolean = false): Handle {
    const known = this.#known(target.path);
    if (known?.writable === true) return known;
    if (known !== undefined) this.drop(target.path);
    const fd = openOrCreate(folder, target, create);
    try {
      const { length } = target;
      if (length !== undefined) {
        const { size } = fstatSync(fd);
        if (whole ? size > length : size !== length) ftruncateSync(fd, length);
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return this.#keep(target.path, { fd, writable: true, lookedAt: performance.now() });
  }

  drop(path: string): void {
    const handle = this.#open.get(path);
    if (handle === undefined) return;
    this.#open.delete(path);
    closeSync(handle.fd);
  }

  #known(path: string): Handle | undefined {
    const handle = this.#open.get(path);
    if (handle === undefined) return undefined;
    this.#open.delete(path);
    this.#open.set(path, handle);
    return handle;
  }

  #keep(path: string, handle: Handle): Handle {
    for (const oldest of this.#open.keys()) {
      if (this.#open.size < this.#max) break;
      this.drop(oldest);
    }
    this.#open.set(path, handle);
    return handle;
  }
}

function openOrCreate(folder: string, { path, executable }: Target, create: boolean): number {
  if (!create) return openSync(path, 'r+');
  // One call for a file that is there and for one that is not: ten thousand failures cost as much as their content.
  const mode = executable === true ? 0o777 : 0o666;
  try {
    return openSync(path, OPEN_OR_CREATE, mode);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  // A folder that is gone may be a disk that is not mounted: made anew, it would fill the wrong one.
  statSync(folder);
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, OPEN_OR_CREATE, mode);
}
