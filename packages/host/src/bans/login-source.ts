/** Where lines about logins come from: systemd's journal where it runs, log files elsewhere. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { BackOff } from '../supervisor/back-off.ts';
import { FileTail } from './file-tail.ts';
import { LineSplitter } from './line-splitter.ts';
import { journalEntry, type LogLine, syslogLine } from './log-line.ts';

export interface LoginSource {
  /** Begins with what comes from now on. */
  start(onLine: (line: LogLine) => void): void;
  stop(): void;
}

/** Debian's, and the one of Red Hat and its kin. */
const LOG_FILES = ['/var/log/auth.log', '/var/log/secure'];

/** Where each entry of the journal comes in: without it nobody writes into it. */
const JOURNAL_SOCKET = '/run/systemd/journal/socket';

/** @param services whose lines are wanted, as the journal calls them */
export function loginSources(services: readonly string[]): LoginSource[] {
  // Not both: where syslog keeps files beside the journal each line would count twice.
  return existsSync(JOURNAL_SOCKET) ? [new JournalSource(services)] : LOG_FILES.map((path) => new FileSource(path));
}

export class FileSource implements LoginSource {
  readonly #path: string;
  readonly #every: number;
  #timer: NodeJS.Timeout | undefined;
  #tail: FileTail | null = null;

  /** @param every milliseconds between two looks */
  constructor(path: string, every: number = 500) {
    this.#path = path;
    this.#every = every;
  }

  start(onLine: (line: LogLine) => void): void {
    const tail = new FileTail(this.#path);
    this.#tail = tail;
    this.#timer = setInterval(() => {
      for (const text of tail.read()) {
        const line = syslogLine(text);
        if (line !== null) onLine(line);
      }
    }, this.#every);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#tail?.close();
  }
}

/** journalctl prints entries without an end; whatever ends it, it is started again where it was. */
export class JournalSource implements LoginSource {
  readonly #services: readonly string[];
  readonly #backOff = new BackOff({ first: 1_000, most: 60_000, healthy: 60_000 });
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | undefined;
  #cursor: string | null = null;
  #stopped = false;

  constructor(services: readonly string[]) {
    this.#services = services;
  }

  start(onLine: (line: LogLine) => void): void {
    const begun = performance.now();
    const child = spawn('journalctl', this.#arguments(), { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    const splitter = new LineSplitter(64 << 10);
    child.stdout.on('data', (bytes: Buffer) => {
      for (const json of splitter.push(bytes)) {
        const { line, cursor } = journalEntry(json);
        this.#cursor = cursor ?? this.#cursor;
        if (line !== null) onLine(line);
      }
    });
    // One that could not be started tells so by an error alone.
    child.on('error', () => undefined);
    child.on('close', () => {
      if (this.#stopped) return;
      const delay = this.#backOff.failed(performance.now() - begun);
      this.#timer = setTimeout(() => this.start(onLine), delay).unref();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
  }

  #arguments(): string[] {
    const where = this.#cursor === null ? ['--lines=0'] : [`--after-cursor=${this.#cursor}`, '--lines=all'];
    const fields = '--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_UID';
    return ['--follow', '--output=json', fields, ...where, ...this.#services.map((name) => `--identifier=${name}`)];
  }
}
