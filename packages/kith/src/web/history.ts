/**
 * How members did over time: what each look saw is averaged over a minute, five minutes and an hour, and kept in SQLite,
 * so that a page that is opened in the evening shows the day.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { HistoryReport, HistorySpan } from '@kith/api';
import type { Snapshot } from './sources.ts';

/** ms of a step, and how long steps are kept. */
const SPANS: Readonly<Record<HistorySpan, { readonly step: number; readonly keep: number }>> = {
  hour: { step: 60_000, keep: 3 * 3_600_000 },
  day: { step: 300_000, keep: 3 * 86_400_000 },
  month: { step: 3_600_000, keep: 62 * 86_400_000 },
};

const NAMES: readonly HistorySpan[] = ['hour', 'day', 'month'];

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS steps (
    node TEXT NOT NULL, span TEXT NOT NULL, time INTEGER NOT NULL,
    looks INTEGER NOT NULL, online INTEGER NOT NULL, measured INTEGER NOT NULL,
    rtt REAL NOT NULL, loss REAL NOT NULL, received REAL NOT NULL, sent REAL NOT NULL, seconds REAL NOT NULL,
    PRIMARY KEY (node, span, time)
  ) WITHOUT ROWID;
`;

const ADD = `
  INSERT INTO steps VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
  ON CONFLICT (node, span, time) DO UPDATE SET
    looks = looks + 1, online = online + ?4, measured = measured + ?5, rtt = rtt + ?6, loss = loss + ?7,
    received = received + ?8, sent = sent + ?9, seconds = seconds + ?10
`;

interface Row {
  readonly time: number;
  readonly looks: number;
  readonly online: number;
  readonly measured: number;
  readonly rtt: number;
  readonly loss: number;
  readonly received: number;
  readonly sent: number;
  readonly seconds: number;
}

interface Counters {
  readonly at: number;
  readonly pid: number;
  readonly received: number;
  readonly sent: number;
}

export class History {
  readonly #database: DatabaseSync;
  readonly #add: StatementSync;
  readonly #read: StatementSync;
  readonly #forget: StatementSync;
  /** Counters at the look before, by node. */
  readonly #before: Map<string, Counters> = new Map();

  /** @param path of the file; `:memory:` for none */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(SCHEMA);
    this.#add = this.#database.prepare(ADD);
    this.#read = this.#database.prepare(
      'SELECT time, looks, online, measured, rtt, loss, received, sent, seconds FROM steps WHERE node = ? AND span = ? AND time >= ? ORDER BY time',
    );
    this.#forget = this.#database.prepare('DELETE FROM steps WHERE span = ? AND time < ?');
  }

  /** Takes what a look saw into its steps. */
  add({ at, networks }: Snapshot): void {
    this.#database.exec('BEGIN');
    try {
      for (const { status } of networks) {
        for (const member of status?.members ?? []) {
          if (member.self || status === null) continue;
          const counters = { at, pid: status.pid, received: member.receivedBytes, sent: member.sentBytes };
          const moved = this.#moved(member.id, counters);
          const measured = member.rttMs === null ? 0 : 1;
          for (const span of NAMES) {
            const time = at - (at % SPANS[span].step);
            const values = [member.rttMs ?? 0, measured * member.loss, moved.received, moved.sent, moved.seconds];
            this.#add.run(member.id, span, time, member.online ? 1 : 0, measured, ...values);
          }
        }
      }
      for (const span of NAMES) this.#forget.run(span, at - SPANS[span].keep);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  report(id: string, span: HistorySpan, now: number): HistoryReport {
    const { step, keep } = SPANS[span];
    // The table's own columns, in the order of the statement above.
    const rows = this.#read.all(id, span, now - keep) as unknown as readonly Row[];
    return {
      ...{ id, span, step },
      points: rows.map((row) => ({
        time: row.time,
        rttMs: row.measured === 0 ? null : row.rtt / row.measured,
        loss: row.measured === 0 ? 0 : row.loss / row.measured,
        online: row.online / row.looks,
        receivedRate: row.seconds === 0 ? 0 : row.received / row.seconds,
        sentRate: row.seconds === 0 ? 0 : row.sent / row.seconds,
      })),
    };
  }

  close(): void {
    this.#database.close();
  }

  /** What went between two looks; nothing where the daemon is another one, which counts from nothing. */
  #moved(id: string, now: Counters): { readonly received: number; readonly sent: number; readonly seconds: number } {
    const before = this.#before.get(id);
    this.#before.set(id, now);
    if (before === undefined || before.pid !== now.pid || now.at <= before.at)
      return { received: 0, sent: 0, seconds: 0 };
    return {
      received: Math.max(0, now.received - before.received),
      sent: Math.max(0, now.sent - before.sent),
      seconds: (now.at - before.at) / 1000,
    };
  }
}
