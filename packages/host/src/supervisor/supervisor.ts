/**
 * Keeps the gateway's daemons running: in the foreground, in process groups of their own, asked whether they serve. It
 * may be killed at any moment: daemons run on, and the next one takes them over, ends what was being ended, and finds
 * what no record tells of by a mark in its environment, so that there are never two copies of one.
 *
 * One process at a time holds a folder; seeing to that is the caller's.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type DaemonValue, sameValue } from '@kith/gateway';
import { Child, endMarked, isSame, markedBelow } from './child.ts';
import { Daemon, type DaemonParts, type Timing, TIMING } from './daemon.ts';
import type { DaemonReport, Daemons } from './daemons.ts';
import { LogFile } from './log-file.ts';
import { bootId, type ProcessEntry } from './process-table.ts';
import { type DaemonRecord, Records } from './record.ts';

const TRIM_EVERY = 5_000;

export interface SupervisorOptions {
  /** Where records lie; of the run folder, which a start of the machine empties. */
  readonly folder: string;
  /** Where the daemons' logs lie, `NAME.log`. */
  readonly logs: string;
  /** Told what happens to daemons, one line each. */
  readonly tell?: (text: string) => void;
  readonly timing?: Partial<Timing>;
}

export class Supervisor implements Daemons {
  readonly #folder: string;
  readonly #logs: string;
  readonly #records: Records;
  readonly #timing: Timing;
  readonly #tell: (text: string) => void;
  readonly #daemons = new Map<string, Daemon>();
  /** Changes of one daemon wait for one another. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #trimming: NodeJS.Timeout;

  /** Takes over what an earlier supervisor of the same folder left; what has ended meanwhile is started again. */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options);
    await supervisor.#takeOver();
    return supervisor;
  }

  private constructor({ folder, logs, tell = () => undefined, timing = {} }: SupervisorOptions) {
    this.#folder = resolve(folder);
    this.#logs = logs;
    mkdirSync(logs, { recursive: true, mode: 0o750 });
    this.#records = new Records(folder);
    this.#timing = { ...TIMING, ...timing };
    this.#tell = tell;
    this.#trimming = setInterval(() => this.#trim(), TRIM_EVERY).unref();
  }

  list(): Promise<readonly DaemonReport[]> {
    return Promise.resolve([...this.#daemons.values()].map((daemon) => daemon.report()));
  }

  async start(name: string, value: DaemonValue, again: boolean = false): Promise<void> {
    const daemon = await this.#inTurn(name, async () => {
      const old = this.#daemons.get(name);
      if (old !== undefined && !again && old.state !== 'failing' && sameValue(old.value, value)) return old;
      await old?.end();
      return this.#begin(new Daemon(name, value, this.#partsOf(name)), null);
    });
    try {
      await daemon.ready();
    } catch (error) {
      await this.#inTurn(name, () => this.#end(daemon));
      throw error;
    }
  }

  async stop(name: string): Promise<void> {
    await this.#inTurn(name, async () => {
      const daemon = this.#daemons.get(name);
      if (daemon !== undefined) await this.#end(daemon);
    });
  }

  /** Ends every daemon that is not among these. */
  async keep(names: Iterable<string>): Promise<void> {
    const kept = new Set(names);
    await Promise.all([...this.#daemons.keys()].filter((name) => !kept.has(name)).map((name) => this.stop(name)));
  }

  /** Stops watching. Daemons run on, for the next one to take over. */
  async close(): Promise<void> {
    clearInterval(this.#trimming);
    await Promise.all([...this.#daemons.values()].map((daemon) => daemon.leave()));
    this.#daemons.clear();
  }

  async #takeOver(): Promise<void> {
    const records = this.#records.all();
    const marked = markedBelow(this.#folder);
    for (const name of new Set([...records.keys(), ...marked.map((each) => each.name)])) {
      const record = records.get(name) ?? null;
      if (record === null || record.stopping || this.#isOfOtherBoot(record)) {
        await endMarked(this.#folder, name);
        this.#records.remove(name);
        continue;
      }
      const entry = processIn(
        record,
        marked.filter((each) => each.name === name).map((each) => each.entry),
      );
      const child = entry === null ? null : Child.adopt(entry, this.#timing.look);
      this.#begin(new Daemon(name, record.value, this.#partsOf(name), record.restarts), child);
    }
  }

  #isOfOtherBoot({ process }: DaemonRecord): boolean {
    return process !== null && process.boot !== bootId();
  }

  #begin(daemon: Daemon, child: Child | null): Daemon {
    this.#daemons.set(daemon.name, daemon);
    daemon.begin(child);
    return daemon;
  }

  async #end(daemon: Daemon): Promise<void> {
    if (this.#daemons.get(daemon.name) !== daemon) return;
    await daemon.end();
    this.#daemons.delete(daemon.name);
  }

  #partsOf(name: string): DaemonParts {
    return {
      folder: this.#folder,
      records: this.#records,
      log: this.#logOf(name),
      timing: this.#timing,
      tell: this.#tell,
    };
  }

  #logOf(name: string): LogFile {
    return new LogFile(join(this.#logs, `${encodeURIComponent(name)}.log`));
  }

  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(work, work);
    this.#turns.set(name, turn);
    return turn;
  }

  #trim(): void {
    for (const name of this.#daemons.keys()) this.#logOf(name).trim();
  }
}

/** The process that a record stands for, where it still runs. */
function processIn(record: DaemonRecord, marked: readonly ProcessEntry[]): ProcessEntry | null {
  if (record.process !== null) {
    const entry = { ...record.process, group: record.process.pid };
    return isSame(entry) ? entry : null;
  }
  // Killed between the start and the note of it: the leader of the group is the daemon.
  const leaders = marked.filter((entry) => entry.pid === entry.group);
  return leaders.length === 1 ? (leaders[0] ?? null) : null;
}
