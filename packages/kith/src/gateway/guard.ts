/**
 * Looks after the change that is not settled: whose maker is gone, or which nobody confirmed in time, is taken back. After
 * a start of the machine it brings back what was in force.
 */
import { type Daemons, Transactions } from '@kith/host';
import { parseGatewayFile } from './file.ts';
import type { GatewayFolders } from './folders.ts';
import { prospectOf } from './prospect.ts';

/** ms between two looks. */
const LOOK_EVERY = 1_000;
/** ms until what could not be brought back is tried again. */
const RESTORE_AGAIN = 5_000;

export interface GuardOptions {
  readonly folders: GatewayFolders;
  readonly daemons: Daemons;
  readonly note: (level: 'info' | 'warn' | 'error', kind: string, text: string) => void;
  /** What is in force is another thing than before. */
  readonly changed: () => Promise<void>;
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #transactions: Transactions;
  #timer: NodeJS.Timeout | null = null;
  #look: Promise<void> = Promise.resolve();
  #closed = false;
  /** When what could not be brought back is tried again, and why it could not be. */
  #restoresAt: number | null = null;
  #failure = '';

  constructor(options: GuardOptions) {
    this.#options = options;
    const { folders, daemons, note } = options;
    this.#transactions = new Transactions({
      ...{ folders, daemons },
      tell: (progress) => {
        if (progress.step === 'revert') note('warn', 'guard', `taking everything back: ${progress.why}`);
        if (progress.step === 'left')
          note('error', 'guard', `${progress.change.key} is not taken back: ${progress.why}`);
      },
    });
  }

  /** Looks at once, and then again and again. @param restores whether it brings back what was in force */
  async start(restores: boolean): Promise<void> {
    await this.#watch();
    if (restores) await this.restore();
    this.#again();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#look;
  }

  #again(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#look = this.#watch()
        .then(() => this.#retry())
        .then(() => this.#again());
    }, LOOK_EVERY);
  }

  async #retry(): Promise<void> {
    if (this.#restoresAt !== null && performance.now() >= this.#restoresAt) await this.restore();
  }

  async #watch(): Promise<void> {
    const { note, changed } = this.#options;
    try {
      if ((await this.#transactions.recover()) !== 'reverted') return;
      note('warn', 'guard', 'what nobody confirmed is taken back');
      await changed();
    } catch (error) {
      note('error', 'guard', messageOf(error));
    }
  }

  /**
   * What was confirmed before the machine went down, or drifted since, is made again. What could not be is tried again
   * later: at a start of the machine the mesh may come up last.
   */
  async restore(): Promise<boolean> {
    const { folders, note, changed } = this.#options;
    this.#restoresAt = null;
    try {
      const inForce = this.#transactions.inForce();
      if (inForce === null || this.#transactions.pending() !== null) return true;
      const file = parseGatewayFile(inForce.text, inForce.file);
      const { desired, objections } = await prospectOf(file, { folders, as: inForce.as, draining: inForce.draining });
      const stops = objections.filter((objection) => objection.stops);
      if (stops.length > 0) throw new Error(stops.map(({ message }) => message).join('; '));
      const { plan } = await this.#transactions.apply({ desired, inForce });
      if (plan.changes.length > 0)
        note('info', 'guard', `${inForce.file} is in force again: ${plan.changes.length} changes`);
      if (this.#failure !== '') await changed();
      this.#failure = '';
      return true;
    } catch (error) {
      const failure = messageOf(error);
      if (failure !== this.#failure) note('error', 'guard', `what was in force could not be brought back: ${failure}`);
      this.#failure = failure;
      this.#restoresAt = performance.now() + RESTORE_AGAIN;
      return false;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
