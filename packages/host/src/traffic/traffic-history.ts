/**
 * What came through the host's interfaces, by five minutes, hours, days and months. Counters are the kernel's; what they
 * grew by since the last look is added to the slots of the moment in one transaction together with what was seen, so that
 * a kill between two looks, or in the middle of one, neither loses nor doubles anything.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openDatabase } from '../database.ts';
import { interfaceCounts } from '../proc.ts';
import { bootId } from '../supervisor/process-table.ts';
import { type Counters, growth, type Seen } from './growth.ts';
import { type Grain, KEPT, slotOf } from './slot.ts';

/** Traffic of one interface in one slot. */
export interface TrafficRow extends Counters {
  readonly interface: string;
  readonly grain: Grain;
  /** Ms since 1970. */
  readonly start: number;
  readonly end: number;
}

/** Bytes per second between the last two looks. */
export type TrafficRate = Counters;

export interface TrafficHistoryOptions {
  /** The file, in the state folder. */
  readonly path: string;
  /** Told what is wrong with it, for the keeper's log. */
  readonly tell?: (text: string) => void;
  /** Where counters come from; those of this process's network namespace when not given. */
  readonly counters?: () => Promise<ReadonlyMap<string, Counters>>;
  /** Names this start of the machine. */
  readonly boot?: string;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS interfaces (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    boot TEXT NOT NULL, received INTEGER NOT NULL, sent INTEGER NOT NULL, seen INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS traffic (
    interface INTEGER NOT NULL REFERENCES interfaces (id) ON DELETE CASCADE,
    grain TEXT NOT NULL, start INTEGER NOT NULL, received INTEGER NOT NULL, sent INTEGER NOT NULL,
    PRIMARY KEY (interface, grain, start)
  ) STRICT, WITHOUT ROWID;`;

/** Whoever was seen longest ago makes room: programs that make interfaces by the dozen must not fill the disk. */
const MOST_INTERFACES = 256;

const GRAINS: readonly Grain[] = ['minutes', 'hours', 'days', 'months'];

export class TrafficHistory {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #counters: () => Promise<ReadonlyMap<string, Counters>>;
  readonly #tell: (text: string) => void;
  readonly #boot: string;
  readonly #rates = new Map<string, TrafficRate>();
  /** The last look, with the monotonic clock: rates must not depend on the other one. */
  #last: { readonly at: number; readonly counters: ReadonlyMap<string, Counters> } | null = null;
  #fault = '';
  /** The slot of five minutes in which too old ones were looked for: there are none before the next one. */
  #tidied = 0;

  constructor(options: TrafficHistoryOptions) {
    this.#tell = options.tell ?? (() => undefined);
    this.#counters = options.counters ?? countersHere;
    this.#boot = options.boot ?? bootId();
    this.#database = openDatabase(options.path, SCHEMA, this.#tell);
    this.#database.exec('PRAGMA foreign_keys = ON');
    this.#statements = statementsOf(this.#database);
  }

  /**
   * Looks at the counters; once in half a minute is often enough. A full disk is told, and what could not be written comes
   * with the next look.
   *
   * @param now wall clock, ms since 1970; it may jump
   */
  async sample(now: number): Promise<void> {
    const counters = await this.#counters();
    this.#measure(counters);
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const [name, seen] of counters) this.#add(name, { ...seen, boot: this.#boot }, now);
      this.#forget(now);
      this.#database.exec('COMMIT');
      this.#fault = '';
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.#fault) this.#tell(`traffic is not kept: ${fault}`);
      this.#fault = fault;
    }
  }

  /** Names of the interfaces that anything is known of, sorted. */
  interfaces(): string[] {
    return this.#statements.names.all().map((row) => String(row['name']));
  }

  /** What is known of an interface, the oldest first. @param most slots; all when not given */
  rows(name: string, grain: Grain, most: number = KEPT[grain]): TrafficRow[] {
    return this.#statements.rows
      .all(name, grain, most)
      .reverse()
      .map((row) => {
        const start = Number(row['start']);
        const { end } = slotOf(grain, start);
        return { interface: name, grain, start, end, received: Number(row['received']), sent: Number(row['sent']) };
      });
  }

  /** Null before the second look, and for an interface that is not there. */
  rate(name: string): TrafficRate | null {
    return this.#rates.get(name) ?? null;
  }

  close(): void {
    this.#database.close();
  }

  #add(name: string, seen: Seen, now: number): void {
    const { received, sent, boot } = seen;
    const row = this.#statements.find.get(name);
    const before = row === undefined ? null : seenIn(row);
    this.#statements.see.run(name, boot, received, sent, now);
    const grown = growth(before, seen);
    if (grown.received === 0 && grown.sent === 0) return;
    for (const grain of GRAINS)
      this.#statements.add.run(name, grain, slotOf(grain, now).start, grown.received, grown.sent);
  }

  #forget(now: number): void {
    this.#statements.leave.run(MOST_INTERFACES);
    const { start } = slotOf('minutes', now);
    if (start === this.#tidied) return;
    this.#tidied = start;
    // By number and not by age: a clock that stands in another year for a moment must not cost the years between.
    for (const grain of GRAINS) this.#statements.forget.run(grain, KEPT[grain]);
  }

  #measure(counters: ReadonlyMap<string, Counters>): void {
    const [at, boot] = [performance.now(), this.#boot];
    const last = this.#last;
    this.#last = { at, counters };
    this.#rates.clear();
    if (last === null || at <= last.at) return;
    const seconds = (at - last.at) / 1000;
    for (const [name, seen] of counters) {
      const before = last.counters.get(name);
      if (before === undefined) continue;
      const { received, sent } = growth({ ...before, boot }, { ...seen, boot });
      this.#rates.set(name, { received: received / seconds, sent: sent / seconds });
    }
  }
}

type Statements = Readonly<Record<'names' | 'rows' | 'find' | 'see' | 'add' | 'leave' | 'forget', StatementSync>>;

function statementsOf(database: DatabaseSync): Statements {
  const own = '(SELECT id FROM interfaces WHERE name = ?)';
  return {
    names: database.prepare('SELECT name FROM interfaces ORDER BY name'),
    rows: database.prepare(
      `SELECT start, received, sent FROM traffic WHERE interface = ${own} AND grain = ? ORDER BY start DESC LIMIT ?`,
    ),
    find: database.prepare('SELECT boot, received, sent FROM interfaces WHERE name = ?'),
    see: database.prepare(
      `INSERT INTO interfaces (name, boot, received, sent, seen) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
       SET boot = excluded.boot, received = excluded.received, sent = excluded.sent, seen = excluded.seen`,
    ),
    add: database.prepare(
      `INSERT INTO traffic VALUES (${own}, ?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET received = received + excluded.received, sent = sent + excluded.sent`,
    ),
    leave: database.prepare(
      'DELETE FROM interfaces WHERE id IN (SELECT id FROM interfaces ORDER BY seen DESC, id LIMIT -1 OFFSET ?)',
    ),
    forget: database.prepare(
      `DELETE FROM traffic WHERE (interface, grain, start) IN (
         SELECT interface, grain, start FROM (
           SELECT *, row_number() OVER (PARTITION BY interface ORDER BY start DESC) AS place FROM traffic WHERE grain = ?
         ) WHERE place > ?)`,
    ),
  };
}

function seenIn(row: Readonly<Record<string, unknown>>): Seen {
  return { boot: String(row['boot']), received: Number(row['received']), sent: Number(row['sent']) };
}

/** All but the loopback interface, whose traffic goes nowhere. */
async function countersHere(): Promise<ReadonlyMap<string, Counters>> {
  const counts = await interfaceCounts();
  return new Map(
    counts
      .filter(({ name }) => name !== 'lo')
      .map(({ name, received, sent }) => [name, { received: received.bytes, sent: sent.bytes }]),
  );
}
