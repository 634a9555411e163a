/** A thread that hashes, writes and reads for {@link DiskLane}. It sleeps on the ring and answers in batches. */
import { writeSync, writevSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type CommitResult, judge, type PieceCheck } from '@kith/torrent';
import { nodeHashes } from '../node-hashes.ts';
import type { Ask, Outcome, Report, WorkerSetup } from './disk-messages.ts';
import { FileHandles } from './file-handles.ts';
import { Flag, JobReader, Kind, Status } from './job-ring.ts';
import { FaultError, TorrentFiles } from './torrent-files.ts';

/** Bytes and jobs after which what ended is shown to the main thread. */
const BATCH_BYTES = 1_048_576;
const BATCH_JOBS = 64;
/** Most runs that one system call writes; far below IOV_MAX. */
const MERGE = 64;

interface Write {
  readonly job: number;
  readonly files: TorrentFiles;
  readonly path: string;
  readonly file: number;
  readonly position: number;
  readonly bytes: Uint8Array;
}

class DiskWorker {
  readonly #ring: JobReader;
  readonly #port: MessagePort;
  readonly #slabs: SharedArrayBuffer;
  readonly #reads: SharedArrayBuffer;
  readonly #handles: FileHandles;
  readonly #torrents: Map<number, TorrentFiles> = new Map();
  #slab: SharedArrayBuffer | undefined;
  #writes: Write[] = [];
  /** Commits whose writes are not done: job → what it will end with. */
  readonly #commits: Map<number, CommitResult> = new Map();
  #outcomes: Outcome[] = [];

  constructor(setup: WorkerSetup, port: MessagePort) {
    this.#ring = new JobReader(setup.ring);
    this.#port = port;
    this.#slabs = setup.slabs;
    this.#reads = setup.reads;
    this.#handles = new FileHandles(setup.handles);
  }

  run(): never {
    for (;;) {
      let left = Math.min(this.#ring.wait(), BATCH_JOBS);
      for (let bytes = 0; left > 0 && bytes < BATCH_BYTES; left--) bytes += this.#job(this.#ring.next());
      this.#flush();
      this.#report();
    }
  }

  /** Returns how many bytes the job moved. */
  #job(at: number): number {
    const { words } = this.#ring;
    const id = words[at + 1] ?? 0;
    const kind = words[at] ?? 0;
    const length = words[at + 6] ?? 0;
    try {
      if (kind === Kind.ASK) {
        this.#ask(id);
        return 0;
      }
      const files = this.#torrents.get(words[at + 2] ?? 0);
      if (files === undefined) throw new Error('the torrent is closed');
      const offset = (words[at + 5] ?? 0) * 2 ** 32 + ((words[at + 4] ?? 0) >>> 0);
      if (kind === Kind.COMMIT) {
        this.#commit(id, files, offset, this.#memory(words[at + 7] ?? 0, length), at);
      } else {
        // What this batch still has to write may be what is asked for.
        this.#flush();
        if (kind === Kind.READ) this.#read(id, files, offset, length, at);
        else this.#check(id, files, offset, length, at);
      }
    } catch (error) {
      this.#fail(id, error);
    }
    return length;
  }

  #memory(place: number, length: number): Uint8Array {
    if (place >= 0) return new Uint8Array(this.#slabs, place, length);
    const memory = this.#slab;
    if (memory === undefined) throw new Error('the memory of a large piece did not come');
    this.#slab = undefined;
    return new Uint8Array(memory, 0, length);
  }

  #commit(id: number, files: TorrentFiles, offset: number, bytes: Uint8Array, at: number): void {
    const segments = files.layout.segments(offset, bytes.length);
    for (const segment of segments) {
      if (segment.file < 0) bytes.fill(0, segment.at, segment.at + segment.length);
    }
    const result = this.#judge(bytes, at);
    if (!result.ok) {
      this.#outcomes.push({ job: id, ok: false, blocks: result.blocks });
      this.#ring.end(id, Status.MESSAGE);
      return;
    }
    this.#commits.set(id, result);
    for (const segment of segments) {
      if (segment.file < 0) continue;
      const { path, file, position } = files.place(segment, offset);
      const part = bytes.subarray(segment.at, segment.at + segment.length);
      this.#writes.push({ job: id, files, path, file, position, bytes: part });
    }
  }

  #check(id: number, files: TorrentFiles, offset: number, length: number, at: number): void {
    const bytes = new Uint8Array(length);
    try {
      files.read(offset, bytes, length, true);
    } catch (error) {
      // What is missing or too short is not right; what cannot be read is another matter.
      if (!(error instanceof FaultError) || (error.fault.code !== 'ENOENT' && error.fault.code !== 'CHANGED'))
        throw error;
      this.#ring.end(id, Status.WRONG);
      return;
    }
    this.#ring.end(id, this.#judge(bytes, at).ok ? Status.OK : Status.WRONG);
  }

  #judge(bytes: Uint8Array, at: number): CommitResult {
    const { words } = this.#ring;
    const flags = words[at + 3] ?? 0;
    const hashes = new Uint8Array(words.buffer, (at + 8) * 4, 52);
    const check: PieceCheck = {
      ...((flags & Flag.SHA1) === 0 ? {} : { sha1: hashes.subarray(0, 20) }),
      ...((flags & Flag.MERKLE) === 0
        ? {}
        : { merkle: { root: hashes.subarray(20, 52), leaves: words[at + 21] ?? 0, bytes: words[at + 22] ?? 0 } }),
    };
    return judge(bytes, check, (flags & Flag.BLOCKS) !== 0, nodeHashes);
  }

  #read(id: number, files: TorrentFiles, offset: number, length: number, at: number): void {
    const { words } = this.#ring;
    const into = new Uint8Array(this.#reads, words[at + 7], length);
    this.#ring.end(id, Status.OK, files.read(offset, into, words[at + 8] ?? 0, false));
  }

  #ask(id: number): void {
    const received = receiveMessageOnPort(this.#port);
    if (received === undefined) throw new Error('a job without its message');
    const ask: Ask = received.message;
    if (ask.ask === 'slab') this.#slab = ask.memory;
    else if (ask.ask === 'open') this.#torrents.set(ask.plan.torrent, new TorrentFiles(ask.plan, this.#handles));
    else {
      this.#flush();
      const files = this.#torrents.get(ask.torrent);
      if (files === undefined) throw new Error('the torrent is closed');
      const answer = this.#answer(ask, files);
      if (answer !== undefined) {
        this.#outcomes.push({ job: id, answer });
        this.#ring.end(id, Status.MESSAGE);
        return;
      }
    }
    this.#ring.end(id, Status.OK);
  }

  #answer(
    ask: Exclude<Ask, { ask: 'slab' | 'open' }>,
    files: TorrentFiles,
  ): Extract<Outcome, { answer: unknown }>['answer'] {
    switch (ask.ask) {
      case 'close':
        files.close();
        this.#torrents.delete(ask.torrent);
        return undefined;
      case 'select':
        files.select(ask.wanted, ask.have, ask.pieceLength);
        return undefined;
      case 'accept':
        files.accept();
        return undefined;
      case 'prepare':
        return files.prepare();
      case 'dirty':
        return files.takeDirty();
      case 'stamp':
        return files.stamp();
    }
  }

  /** Writes what was found right, neighbours in one call, and ends their jobs. */
  #flush(): void {
    if (this.#commits.size === 0) return;
    const writes = this.#writes;
    this.#writes = [];
    if (writes.length > 1) writes.sort(byPlace);
    for (let i = 0; i < writes.length;) {
      let end = i + 1;
      while (end < writes.length && end - i < MERGE && follows(writes[end - 1], writes[end])) end++;
      if (end - i === 1 || !writeMerged(writes.slice(i, end))) {
        for (const write of writes.slice(i, end)) this.#write(write);
      }
      i = end;
    }
    for (const [job, result] of this.#commits) {
      if (result.blocks === undefined) {
        this.#ring.end(job, Status.OK);
        continue;
      }
      this.#outcomes.push({ job, ok: true, blocks: result.blocks });
      this.#ring.end(job, Status.MESSAGE);
    }
    this.#commits.clear();
  }

  #write(write: Write): void {
    const { files, path, file, bytes, position, job } = write;
    if (!this.#commits.has(job)) return;
    try {
      const fd = files.writable(path, file, position, bytes.length);
      try {
        for (let done = 0; done < bytes.length;) {
          done += writeSync(fd, bytes, done, bytes.length - done, position + done);
        }
      } catch (error) {
        throw files.fault(error, path, 'write');
      }
    } catch (error) {
      this.#fail(job, error);
    }
  }

  #fail(job: number, error: unknown): void {
    this.#commits.delete(job);
    const fault =
      error instanceof FaultError
        ? error.fault
        : { code: 'EIO', path: 'a file', doing: 'use', detail: error instanceof Error ? error.message : String(error) };
    this.#outcomes.push({ job, fault });
    this.#ring.end(job, Status.MESSAGE);
  }

  #report(): void {
    // Ends are shown first: a message that finds nothing to take would wake for nothing.
    const wake = this.#ring.publish();
    if (this.#outcomes.length === 0 && !wake) return;
    const report: Report = this.#outcomes.length === 0 ? {} : { outcomes: this.#outcomes };
    this.#port.postMessage(report);
    this.#outcomes = [];
  }
}

function byPlace(a: Write, b: Write): number {
  if (a.path !== b.path) return a.path < b.path ? -1 : 1;
  return a.position - b.position;
}

function follows(a: Write | undefined, b: Write | undefined): boolean {
  return a !== undefined && b !== undefined && a.path === b.path && a.position + a.bytes.length === b.position;
}

/** False where not everything went out: then each is written, and fails, by itself. */
function writeMerged(writes: readonly Write[]): boolean {
  const [first] = writes;
  if (first === undefined) return true;
  const total = writes.reduce((sum, { bytes }) => sum + bytes.length, 0);
  try {
    const buffers = writes.map(({ bytes }) => bytes);
    const fd = first.files.writable(first.path, first.file, first.position, total);
    return writevSync(fd, buffers, first.position) === total;
  } catch {
    return false;
  }
}

const setup: { readonly setup: WorkerSetup; readonly port: MessagePort } = workerData;
new DiskWorker(setup.setup, setup.port).run();
