import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { KithError } from '@kith/core';
import type { CommitResult, PieceCheck } from '@kith/torrent';
import type { Ask, Outcome, Report, WorkerSetup } from './disk-messages.ts';
import { CAPACITY, Flag, JobWriter, Kind, ringMemory, Status } from './job-ring.ts';
import type { Slab } from './slab-pool.ts';
import { storageError } from './storage-error.ts';
import { startWorker } from '../start-worker.ts';

type Answer = Extract<Outcome, { answer: unknown }>['answer'];

/** A job on its way. Which of the callbacks is called depends on its kind. */
interface Job {
  readonly kind: number;
  readonly torrent: number;
  readonly offset: number;
  readonly length: number;
  /** READ: bytes that must come, the rest is read ahead. */
  readonly least: number;
  readonly slab: Slab | undefined;
  readonly check: PieceCheck | undefined;
  readonly wantBlocks: boolean;
  readonly ask: Ask | undefined;
  done(result: CommitResult | number | Answer): void;
  failed(error: Error): void;
}

/** The main thread's side of one disk worker. The thread starts with the first job. */
export class DiskLane {
  readonly #handles: number;
  readonly #slabs: SharedArrayBuffer;
  readonly #reads: SharedArrayBuffer;
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  #ring: JobWriter | undefined;
  readonly #jobs: (Job | undefined)[] = [];
  readonly #freeIds: number[] = [];
  /** Jobs that did not fit into the ring. */
  readonly #backlog: Job[] = [];
  #unpublished = false;
  #open = 0;
  #broken: KithError | undefined;

  /** `slabs`: the memory of pieces in flight. `reads`: that of what is read. `handles`: how many files stay open. */
  constructor(slabs: SharedArrayBuffer, reads: SharedArrayBuffer, handles: number) {
    this.#slabs = slabs;
    this.#reads = reads;
    this.#handles = handles;
  }

  /** Jobs that did not end. */
  get load(): number {
    return this.#open;
  }

  /** One of the callbacks is called. Sixty thousand times per GiB: no promise, no copy of an object. */
  commit(
    torrent: number,
    offset: number,
    slab: Slab,
    check: PieceCheck,
    wantBlocks: boolean,
    done: (result: CommitResult) => void,
    failed: (error: Error) => void,
  ): void {
    if (slab.place < 0 && slab.bytes.buffer instanceof SharedArrayBuffer) {
      this.#put(asking({ ask: 'slab', memory: slab.bytes.buffer }, nothing, nothing));
    }
    this.#put({
      kind: Kind.COMMIT,
      torrent,
      offset,
      length: slab.bytes.length,
      least: 0,
      slab,
      check,
      wantBlocks,
      ask: undefined,
      done: (result) => {
        done(isCommit(result) ? result : RIGHT);
      },
      failed,
    });
  }

  /** Whether what is stored has this hash. False where it is missing. */
  check(torrent: number, offset: number, length: number, check: PieceCheck): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#put({
        ...{ kind: Kind.CHECK, torrent, offset, length, least: 0, slab: undefined, check, wantBlocks: false },
        ask: undefined,
        done: (result) => {
          resolve(isCommit(result) && result.ok);
        },
        failed: reject,
      });
    });
  }

  /** Fills a slab of the read cache; resolves with how many bytes it got, `least` of them at least. */
  read(torrent: number, offset: number, slab: Slab, least: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#put({
        ...{ kind: Kind.READ, torrent, offset, length: slab.bytes.length, least, slab, check: undefined },
        wantBlocks: false,
        ask: undefined,
        done: (result) => {
          resolve(typeof result === 'number' ? result : 0);
        },
        failed: reject,
      });
    });
  }

  ask(ask: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#put(
        asking(
          ask,
          (result) => {
            resolve(isCommit(result) || typeof result === 'number' ? undefined : result);
          },
          reject,
        ),
      );
    });
  }

  /** Ends the thread; jobs under way fail. */
  async close(): Promise<void> {
    this.#break(new KithError('STORAGE_FAILED', 'The storage is closed.'));
    await this.#worker?.terminate();
  }

  #put(job: Job): void {
    if (this.#broken !== undefined) {
      job.failed(this.#broken);
      return;
    }
    this.#open++;
    const ring = this.#ring ?? this.#start();
    if (this.#backlog.length > 0 || ring.underWay >= CAPACITY) {
      this.#backlog.push(job);
      return;
    }
    this.#write(ring, job);
    this.#publishSoon();
  }

  #write(ring: JobWriter, job: Job): void {
    const { words } = ring;
    const id = this.#freeIds.pop() ?? this.#jobs.length;
    this.#jobs[id] = job;
    const at = ring.next();
    words[at] = job.kind;
    words[at + 1] = id;
    words[at + 2] = job.torrent;
    words[at + 4] = job.offset | 0;
    words[at + 5] = Math.floor(job.offset / 2 ** 32);
    words[at + 6] = job.length;
    words[at + 7] = job.slab === undefined ? -1 : job.slab.place;
    words[at + 8] = job.least;
    let flags = job.wantBlocks ? Flag.BLOCKS : 0;
    if (job.check?.sha1 !== undefined) {
      flags |= Flag.SHA1;
      putBytes(words, at + 8, job.check.sha1);
    }
    if (job.check?.merkle !== undefined) {
      const { root, leaves, bytes } = job.check.merkle;
      flags |= Flag.MERKLE;
      putBytes(words, at + 13, root);
      words[at + 21] = leaves;
      words[at + 22] = bytes;
    }
    words[at + 3] = flags;
    if (job.ask !== undefined) this.#port?.postMessage(job.ask);
  }

  /** One wake-up for all that a turn of the event loop brought. */
  #publishSoon(): void {
    if (this.#unpublished) return;
    this.#unpublished = true;
    this.#port?.ref();
    setImmediate(() => {
      this.#unpublished = false;
      this.#ring?.publish();
    });
  }

  #start(): JobWriter {
    const memory = ringMemory();
    const { port1, port2 } = new MessageChannel();
    const setup: WorkerSetup = { ring: memory, slabs: this.#slabs, reads: this.#reads, handles: this.#handles };
    const worker = startWorker('./disk-worker', import.meta.url, {
      workerData: { setup, port: port2 },
      transferList: [port2],
      // It keeps nothing for long; without a limit its garbage lies around by tens of megabytes.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    worker.on('error', (cause) => {
      this.#break(new KithError('STORAGE_FAILED', 'The thread that writes to the disk ended.', { cause }));
    });
    port1.on('message', (report: Report) => {
      this.#report(report);
    });
    worker.unref();
    this.#worker = worker;
    this.#port = port1;
    this.#ring = new JobWriter(memory);
    return this.#ring;
  }

  #report({ outcomes }: Report): void {
    const ring = this.#ring;
    if (ring === undefined) return;
    ring.awake();
    ring.take((id, status, length) => {
      if (status === Status.MESSAGE) return;
      const job = this.#end(id);
      if (job?.kind === Kind.READ) job.done(length);
      else job?.done(status === Status.OK ? RIGHT : WRONG);
    });
    for (const outcome of outcomes ?? []) {
      const job = this.#end(outcome.job);
      if ('fault' in outcome) job?.failed(storageError(outcome.fault));
      else if ('answer' in outcome) job?.done(outcome.answer);
      else job?.done({ ok: outcome.ok, blocks: outcome.blocks });
    }
    while (this.#backlog.length > 0 && ring.underWay < CAPACITY) {
      const job = this.#backlog.shift();
      if (job !== undefined) this.#write(ring, job);
      this.#publishSoon();
    }
    if (this.#open === 0) this.#port?.unref();
  }

  #end(id: number): Job | undefined {
    const job = this.#jobs[id];
    if (job === undefined) return undefined;
    this.#jobs[id] = undefined;
    this.#freeIds.push(id);
    this.#open--;
    return job;
  }

  #break(error: KithError): void {
    if (this.#broken !== undefined) return;
    this.#broken = error;
    const jobs = [...this.#jobs, ...this.#backlog];
    this.#jobs.length = 0;
    this.#backlog.length = 0;
    this.#open = 0;
    for (const job of jobs) job?.failed(error);
    this.#port?.close();
  }
}

const RIGHT: CommitResult = { ok: true };
const WRONG: CommitResult = { ok: false, blocks: new Uint8Array(0) };

function nothing(): void {
  // The job that it comes with has its own end.
}

function asking(ask: Ask, done: Job['done'], failed: Job['failed']): Job {
  const none = { offset: 0, length: 0, least: 0, slab: undefined, check: undefined, wantBlocks: false };
  return { kind: Kind.ASK, torrent: 0, ...none, ask, done, failed };
}

function isCommit(result: CommitResult | number | Answer): result is CommitResult {
  return typeof result === 'object' && 'ok' in result;
}

function putBytes(words: Int32Array, at: number, bytes: Uint8Array): void {
  new Uint8Array(words.buffer, at * 4, bytes.length).set(bytes);
}
