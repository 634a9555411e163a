/** The life of a process beside the daemons: what it holds is given back in reverse order, however far its start came. */
import type { Serving } from './background.ts';
import { LogBook, type LogSink } from './log.ts';

/** ms between the answer to `stop` and the end. */
const FAREWELL = 50;

export class Lifetime {
  readonly log: LogBook;
  readonly #closers: (() => void | Promise<void>)[] = [];
  readonly #ended: Promise<void>;
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  #finishing = false;

  /**
   * Lets `open` start what the process is for. When it throws, what it held is given back and the error goes on.
   *
   * @param open what it returns is told to the one who waits, and to a person
   */
  static async begin(
    sink: LogSink,
    open: (life: Lifetime) => Promise<Pick<Serving, 'report' | 'greeting'>>,
  ): Promise<Serving> {
    const life = new Lifetime(sink);
    try {
      const { report, greeting } = await open(life);
      return {
        ...{ ended: life.#ended, report, greeting },
        stop: () => life.end(),
        crash: (error) => {
          life.note('error', 'crash', error instanceof Error ? (error.stack ?? error.message) : String(error));
          life.#finish({ error });
        },
      };
    } catch (error) {
      await life.#close();
      throw error;
    }
  }

  private constructor(sink: LogSink) {
    this.log = new LogBook('info', sink);
    this.#ended = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
  }

  /** `close` is called in the end, before what was held earlier. */
  holds(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /** Calls `work` now and then until the end; that it fails is noted and ends nothing. */
  every(ms: number, kind: string, work: () => Promise<void>): void {
    const timer = setInterval(() => void work().catch((error: unknown) => this.note('warn', kind, String(error))), ms);
    this.holds(() => clearInterval(timer));
  }

  note(level: 'info' | 'warn' | 'error', kind: string, text: string): void {
    this.log.write({ level, kind, member: null, text });
  }

  /** Somebody wants it to end: those who were just answered hear so first. */
  end(): void {
    this.#finish(null);
  }

  #finish(failure: { readonly error: unknown } | null): void {
    if (this.#finishing) return;
    this.#finishing = true;
    setTimeout(() => {
      void this.#close().then(() => {
        if (failure === null) this.#settle?.resolve();
        else this.#settle?.reject(failure.error);
      });
    }, FAREWELL);
  }

  async #close(): Promise<void> {
    for (const each of this.#closers.splice(0).toReversed()) {
      try {
        await each();
      } catch (error) {
        this.note('warn', 'stop', String(error));
      }
    }
  }
}
