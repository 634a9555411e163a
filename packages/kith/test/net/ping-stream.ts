/** Pings five times a second, to measure for how long there is no answer while something breaks. */
import type { Actor, LabProcess } from '@kith/lab';

const ANSWER = /bytes from .* icmp_seq=(\d+)/;

export class PingStream {
  readonly #process: LabProcess;

  /** Settles with the first answer. */
  static async start(from: Actor, address: string): Promise<PingStream> {
    // -O reports what was not answered: the latest number is known even while nothing comes back.
    const stream = new PingStream(await from.host.spawn(['ping', '-n', '-O', '-i', '0.2', '-W', '1', address]));
    await stream.#process.waitFor(ANSWER, 10_000);
    return stream;
  }

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  /**
   * Waits for the answer to a ping that was not yet sent when this is called.
   * @returns ms from the call until it came
   * @throws LabError with the last lines when none came in time
   */
  async nextFresh(deadlineMs: number): Promise<number> {
    const began = performance.now();
    const sent = Math.max(0, ...this.#process.stdout.map((line) => Number(/icmp_seq=(\d+)/.exec(line)?.[1] ?? 0)));
    for (;;) {
      this.#process.forget();
      const left = deadlineMs - (performance.now() - began);
      const [, seq] = await this.#process.waitFor(ANSWER, Math.max(0, left));
      if (Number(seq) > sent) return performance.now() - began;
    }
  }

  async stop(): Promise<void> {
    await this.#process.kill();
  }
}
