/** What a person wants to see when a test of real daemons fails: every status, every log, the last packets. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Actor, LabProcess, Machine } from '@kith/lab';

const PACKETS = 40;
const LOG_LINES = 30;

function tail(text: string, lines: number): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

async function account(actor: Actor): Promise<string> {
  const { stdout, stderr } = await actor.run(['status'], { timeoutMs: 10_000 });
  return `--- ${actor.name}\n${(stdout || stderr).trimEnd()}\n${tail(actor.log(), LOG_LINES)}`;
}

export class Witness {
  readonly #actors: () => readonly Actor[];
  readonly #packets: LabProcess;

  /** Looks on at a machine that every packet passes. */
  static async on(place: Machine, actors: () => readonly Actor[]): Promise<Witness> {
    const packets = await place.spawn(['tcpdump', '-i', 'any', '-n', '-l', '-q', 'udp']);
    await packets.waitFor(/listening on/);
    return new Witness(actors, packets);
  }

  private constructor(actors: () => readonly Actor[], packets: LabProcess) {
    this.#actors = actors;
    this.#packets = packets;
  }

  /** A test's body that tells what it saw when it fails. */
  watch(body: () => Promise<void>): () => Promise<void> {
    return async () => {
      try {
        await body();
      } catch (error) {
        const accounts = await Promise.all(this.#actors().map((actor) => account(actor).catch(String)));
        process.stderr.write(
          `${accounts.join('\n')}\n--- last packets\n${this.#packets.stdout.slice(-PACKETS).join('\n')}\n`,
        );
        throw error;
      }
    };
  }
}

/**
 * Asks until the answer is not null.
 * @param deadlineMs ms
 * @throws Error naming `what` when the time is over
 */
export async function eventually<T>(what: string, deadlineMs: number, ask: () => Promise<T | null>): Promise<T> {
  for (const deadline = performance.now() + deadlineMs; ; await delay(20)) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
  }
}
