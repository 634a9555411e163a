import { availableParallelism } from 'node:os';
import type { Metainfo } from '@kith/torrent';
import { DiskLane } from './disk-lane.ts';
import { DiskStore, type DiskStoreOptions } from './disk-store.ts';
import { ReadCache } from './read-cache.ts';
import { SlabPool } from './slab-pool.ts';

/** All in bytes unless said otherwise. */
export interface DiskOptions {
  /** Threads that hash, write and read: 1 or 2, by default one less than the machine has processors. */
  readonly workers?: number;
  /** Pieces in flight of all torrents together: 64 MiB. */
  readonly memory?: number;
  /** Bytes read and kept for peers that ask for them: 32 MiB, and 4 MiB beside for what is being read. */
  readonly cache?: number;
  /** Files that stay open, over all workers: 512. */
  readonly handles?: number;
}

/** The disk threads, their memory and their open files, shared by all torrents of a process. */
export class Disk {
  readonly #lanes: DiskLane[];
  readonly #slabs: SlabPool;
  readonly #cache: ReadCache;
  #opened = 0;

  constructor(options: DiskOptions = {}) {
    const workers = options.workers ?? Math.min(2, Math.max(1, availableParallelism() - 1));
    this.#slabs = new SlabPool(options.memory ?? 64 * 1_048_576);
    this.#cache = new ReadCache(options.cache ?? 32 * 1_048_576);
    const handles = Math.max(1, Math.floor((options.handles ?? 512) / workers));
    this.#lanes = Array.from({ length: workers }, () => new DiskLane(this.#slabs.memory, this.#cache.memory, handles));
  }

  /**
   * The store of a torrent. Touches nothing on disk: files are made with the first piece that belongs to them. All work
   * of one torrent is done by one thread, in order.
   */
  open(torrent: Metainfo, options: DiskStoreOptions): DiskStore {
    const id = ++this.#opened;
    const lane = this.#lanes[id % this.#lanes.length];
    if (lane === undefined) throw new RangeError('a disk needs at least one worker');
    return new DiskStore(id, torrent, options, lane, this.#slabs, this.#cache);
  }

  /** Ends the threads. Close the stores first: what is under way fails. */
  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}
