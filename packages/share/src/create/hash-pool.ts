import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { KithError } from '@kith/core';
import type { PieceHashes, TorrentPlan } from '@kith/torrent';
import { jobsOf, type HashJob, type HashResult } from './hash-job.ts';
import { startWorker } from '../start-worker.ts';

export interface HashOptions {
  /** Threads. Default one for each processor, at most 8. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
  /** Called after each job with the bytes hashed so far. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Hashes the pieces of a plan in worker threads.
 * @throws KithError TORRENT_SOURCE_UNREADABLE, TORRENT_SOURCE_CHANGED; what `signal` gives as reason
 */
export async function hashPieces(
  plan: TorrentPlan,
  sources: readonly (string | undefined)[],
  options: HashOptions,
): Promise<PieceHashes> {
  const { pieceCount } = plan.geometry;
  const found = {
    pieces: new Uint8Array(plan.version === 'v2' ? 0 : pieceCount * 20),
    roots: new Uint8Array(plan.version === 'v1' ? 0 : pieceCount * 32),
  };
  const jobs = jobsOf(plan, sources);
  const abort = new AbortController();
  const signal = options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]);
  let bytes = 0;
  const work = async (): Promise<void> => {
    let thread: HashThread | undefined;
    try {
      for (let next = jobs.next(); next.done !== true; next = jobs.next()) {
        signal.throwIfAborted();
        thread ??= new HashThread();
        const result = await thread.run(next.value, signal);
        if (plan.version !== 'v2') found.pieces.set(result.sha1, next.value.first * 20);
        if (plan.version !== 'v1') found.roots.set(result.roots, next.value.first * 32);
        bytes += next.value.bytes;
        options.onBytes?.(bytes);
      }
    } catch (error) {
      abort.abort(error);
      throw error;
    } finally {
      await thread?.end();
    }
  };
  const workers = options.workers ?? Math.min(availableParallelism(), 8);
  const ends = await Promise.allSettled(Array.from({ length: workers }, work));
  // All threads are gone by now; the first failure is the one that ended the others.
  if (ends.some((end) => end.status === 'rejected')) signal.throwIfAborted();
  return found;
}

class HashThread {
  readonly #worker: Worker;

  constructor() {
    this.#worker = startWorker('./hash-worker', import.meta.url);
  }

  run(job: HashJob, signal: AbortSignal): Promise<Extract<HashResult, { sha1: Uint8Array }>> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#worker.removeAllListeners('message').removeAllListeners('error').removeAllListeners('exit');
        signal.removeEventListener('abort', aborted);
        act();
      };
      const aborted = (): void => settle(() => reject(reasonOfAbort(signal)));
      signal.addEventListener('abort', aborted);
      this.#worker.once('error', (error) => settle(() => reject(error)));
      this.#worker.once('exit', (code) => settle(() => reject(new Error(`a hashing thread ended with ${code}`))));
      this.#worker.once('message', (result: HashResult) => {
        settle(() => ('failed' in result ? reject(failure(result)) : resolve(result)));
      });
      this.#worker.postMessage(job);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function failure(result: Extract<HashResult, { failed: string }>): KithError {
  const { failed, reason } = result;
  if (result.changed) return new KithError('TORRENT_SOURCE_CHANGED', `${failed} changed: ${reason}`);
  return new KithError('TORRENT_SOURCE_UNREADABLE', `${failed} can't be read: ${reason}`);
}

function reasonOfAbort(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('aborted');
}
