/** One daemon and one value: started until it serves, watched, started again when it ends or falls silent. */
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { KithError } from '@kith/core';
import type { DaemonValue } from '@kith/gateway';
import { BackOff, type BackOffSettings } from './back-off.ts';
import { Child, endMarked, markOf } from './child.ts';
import type { DaemonReport, DaemonState } from './daemons.ts';
import type { LogFile } from './log-file.ts';
import { ask } from './probe.ts';
import { bootId } from './process-table.ts';
import type { Records } from './record.ts';

/** All in milliseconds but the counts. */
export interface Timing {
  /** For one answer. */
  readonly answer: number;
  /** Between two questions before it is ready. */
  readonly probe: number;
  /** For it to get ready. */
  readonly ready: number;
  /** Starts that may fail before whoever waits is told. */
  readonly attempts: number;
  /** Between two questions once it is ready, and how many without an answer are too many. */
  readonly alive: number;
  readonly missed: number;
  /** Between being asked to end and being ended. */
  readonly grace: number;
  /** How long one without a probe has to run to be believed. */
  readonly running: number;
  /** Between two looks at a process that is not this one's child. */
  readonly look: number;
  readonly backOff: BackOffSettings;
}

export const TIMING: Timing = {
  answer: 2_000,
  probe: 100,
  ready: 20_000,
  attempts: 3,
  alive: 30_000,
  missed: 3,
  grace: 5_000,
  running: 500,
  look: 250,
  backOff: { first: 1_000, most: 60_000, healthy: 60_000 },
};

export interface DaemonParts {
  readonly folder: string;
  readonly records: Records;
  readonly log: LogFile;
  readonly timing: Timing;
  /** Told what happens to it, for the keeper's log. */
  readonly tell: (text: string) => void;
}

export class Daemon {
  readonly name: string;
  readonly value: DaemonValue;
  readonly #parts: DaemonParts;
  readonly #backOff: BackOff;
  readonly #over = new AbortController();
  readonly #watchers = new Set<() => void>();
  #serving: Promise<void> = Promise.resolve();
  #child: Child | null = null;
  #state: DaemonState = 'starting';
  #since: number = Date.now();
  #restarts: number;
  /** In a row, since it was ready last. */
  #failures = 0;
  #why: unknown = null;
  /** Null before it is ready; of the monotonic clock, for chronyd may set the other one. */
  #servesFrom: number | null = null;
  #stopping = false;
  readonly #stopped: Promise<string>;
  /** Until when whoever waits is patient; of the monotonic clock. */
  readonly #patience: number;
  readonly #logFrom: number;

  constructor(name: string, value: DaemonValue, parts: DaemonParts, restarts: number = 0) {
    this.name = name;
    this.value = value;
    this.#parts = parts;
    this.#restarts = restarts;
    this.#backOff = new BackOff(parts.timing.backOff);
    this.#logFrom = parts.log.size;
    this.#patience = performance.now() + parts.timing.ready;
    this.#stopped = new Promise((resolve) => {
      this.#over.signal.addEventListener('abort', () => resolve(''), { once: true });
    });
  }

  /** @param found a process of it that runs already */
  begin(found: Child | null): void {
    this.#child = found;
    if (found !== null) {
      this.#record();
      this.#note(`runs already, as process ${found.entry.pid}`);
    }
    this.#serving = this.#serve();
  }

  get state(): DaemonState {
    return this.#state;
  }

  report(): DaemonReport {
    const { name, value } = this;
    const pid = this.#child?.entry.pid ?? null;
    const lastWords = this.#parts.log.lastWords();
    return { name, value, state: this.#state, pid, since: this.#since, restarts: this.#restarts, lastWords };
  }

  /**
   * Resolves as soon as it serves.
   *
   * @throws KithError DAEMON_NOT_READY once it failed several times, or was ended; what kept it from being started at all
   */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const verdict = this.#verdict();
        if (verdict === null) return;
        this.#watchers.delete(look);
        if (verdict === 'ready') resolve();
        else reject(verdict);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Ends it for good; returns when it and all it started are gone. */
  async end(): Promise<void> {
    const { folder, records, timing } = this.#parts;
    this.#become('stopping');
    this.#stopping = true;
    this.#over.abort();
    await this.#serving;
    try {
      this.#record();
    } catch {
      // Without it the one who comes next, should this one be killed right now, would let it run.
    }
    await this.#child?.end(timing.grace);
    this.#child = null;
    await endMarked(folder, this.name);
    records.remove(this.name);
  }

  /** Stops watching it; it runs on. */
  async leave(): Promise<void> {
    // For whoever still waits: nobody is going to tell more.
    this.#become('stopping');
    this.#over.abort();
    await this.#serving;
    this.#child?.leave();
  }

  #verdict(): 'ready' | Error | null {
    if (this.#state === 'ready') return 'ready';
    if (this.#why instanceof KithError) return this.#why;
    const { attempts } = this.#parts.timing;
    if (this.#state === 'stopping') return this.#notReady('its start was broken off');
    const enough = this.#failures >= attempts || performance.now() >= this.#patience;
    return this.#state === 'failing' && enough ? this.#notReady(textOf(this.#why)) : null;
  }

  #notReady(why: string): KithError {
    const words = this.#parts.log.lastWords(this.#logFrom);
    const said =
      words.length === 0 ? 'it said nothing' : `its last words:\n${words.map((each) => `  ${each}`).join('\n')}`;
    return new KithError('DAEMON_NOT_READY', `${this.name}: ${why}; ${said}`);
  }

  async #serve(): Promise<void> {
    const { timing } = this.#parts;
    while (!this.#over.signal.aborted) {
      try {
        this.#why = await this.#attend(this.#child ?? (await this.#launch()));
      } catch (error) {
        this.#why = error;
      }
      if (this.#over.signal.aborted) return;
      const served = this.#servesFrom === null ? 0 : performance.now() - this.#servesFrom;
      this.#servesFrom = null;
      await this.#child?.end(timing.grace);
      this.#child = null;
      this.#failures += 1;
      this.#restarts += 1;
      const delay = this.#backOff.failed(served);
      this.#note(`${textOf(this.#why)}; starts again in ${delay / 1000} s`);
      this.#become('failing');
      await pause(delay, this.#over.signal);
    }
  }

  async #launch(): Promise<Child> {
    const { folder, log } = this.#parts;
    // First of all: whoever finds the record alone knows that there may be a process that it does not name.
    this.#record();
    await endMarked(folder, this.name);
    const output = log.open();
    try {
      this.#child = await Child.start(this.value.argv, markOf(folder, this.name), output);
    } finally {
      closeSync(output);
    }
    this.#record();
    this.#note(`started as process ${this.#child.entry.pid}`);
    this.#become('starting');
    return this.#child;
  }

  /** Stays with a process until it ended, or does not serve. @returns why */
  async #attend(child: Child): Promise<string> {
    const gone = new AbortController();
    const ended = child.ended.then((how) => {
      gone.abort();
      return how;
    });
    const over = Promise.race([ended, this.#stopped]);
    const silent = this.#question(child.entry.pid, AbortSignal.any([gone.signal, this.#over.signal]));
    return Promise.race([over, silent.then((why) => why ?? over)]);
  }

  /**
   * Asks until it answers, and then now and again until it no longer does.
   *
   * @returns why it is given up; null when it was over before
   */
  async #question(pid: number, over: AbortSignal): Promise<string | null> {
    const { ready: probe } = this.value;
    const { answer, probe: every, ready, alive, missed, running } = this.#parts.timing;
    const deadline = performance.now() + ready;
    if (probe.type === 'running') await pause(running, over);
    for (;;) {
      const wrong = await ask(probe, pid, answer);
      if (over.aborted) return null;
      if (wrong === null) break;
      if (performance.now() >= deadline) return `was not ready within ${ready / 1000} s: ${wrong}`;
      await pause(every, over);
    }
    this.#failures = 0;
    this.#servesFrom = performance.now();
    this.#become('ready');
    for (let misses = 0; ;) {
      await pause(alive, over);
      if (over.aborted) return null;
      const wrong = await ask(probe, pid, answer);
      misses = wrong === null ? 0 : misses + 1;
      if (misses >= missed) return `no longer answers: ${wrong}`;
    }
  }

  #record(): void {
    const entry = this.#child?.entry;
    const process = entry === undefined ? null : { boot: bootId(), pid: entry.pid, started: entry.started };
    const { name, value } = this;
    this.#parts.records.write({ name, value, restarts: this.#restarts, process, stopping: this.#stopping });
  }

  #note(text: string): void {
    this.#parts.log.note(text, Date.now());
    this.#parts.tell(`${this.name} ${text}`);
  }

  #become(state: DaemonState): void {
    if (this.#stopping) return;
    if (state !== this.#state) this.#since = Date.now();
    this.#state = state;
    for (const watcher of this.#watchers) watcher();
  }
}

function textOf(why: unknown): string {
  return why instanceof Error ? why.message : String(why);
}

/** Waits, but not longer than until `signal`. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
