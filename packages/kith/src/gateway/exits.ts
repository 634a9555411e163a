/**
 * Clients that leave through the mesh: the mesh is told of the file's members and picks the one that answers. It is told
 * again and again: a daemon of the mesh that was started anew has forgotten it, and has made its interface anew, which
 * takes along the routes that led there.
 */
import type { StatusReport } from '@kith/api';
import type { Label } from '@kith/core';
import { findMesh } from './mesh.ts';
import { Rounds } from './rounds.ts';

/** ms between two looks. */
const LOOK_EVERY = 2_000;

export interface ExitsOptions {
  /** The one that is liked best first. */
  readonly members: readonly Label[];
  readonly tell: (text: string) => void;
  /** Tells clients that there is no way, or leaves them to find theirs. */
  readonly block: (isDead: boolean) => Promise<void>;
  /** Brings back what the machine should have. False: it has to be tried again. */
  readonly mend: () => Promise<boolean>;
}

/** What is known of the way out. */
export interface WayOut {
  /** The member that clients leave through; null: nobody does. */
  readonly member: string | null;
  /** For a person. */
  readonly reason: string;
}

const UNKNOWN: WayOut = { member: null, reason: 'the mesh is not up on this machine: kith up' };

export class Exits {
  readonly #options: ExitsOptions;
  readonly #rounds: Rounds;
  #way: WayOut = UNKNOWN;
  #isDead: boolean | null = null;
  /** Process of the mesh that the routes were made for. */
  #process: number | null = null;
  #said = '';

  constructor(options: ExitsOptions) {
    this.#options = options;
    this.#rounds = new Rounds(LOOK_EVERY, () => this.#look());
  }

  /** As it was at the last look. */
  get way(): WayOut {
    return this.#way;
  }

  start(): Promise<void> {
    return this.#rounds.start();
  }

  async close(): Promise<void> {
    await this.#rounds.close();
    const mesh = await findMesh(this.#options.members).catch(() => null);
    await mesh?.client.exit({ members: [], serves: null }).catch(() => undefined);
    await this.#options.block(false);
  }

  async #look(): Promise<void> {
    const { members, mend, tell } = this.#options;
    try {
      const mesh = await findMesh(members);
      if (mesh === null) {
        await this.#take(UNKNOWN);
        return;
      }
      await mesh.client.exit({ members, serves: null });
      const status = await mesh.client.status();
      await this.#take(wayIn(status, members));
      const isAnother = this.#process !== null && status.pid !== this.#process;
      if (!isAnother || (await mend())) this.#process = status.pid;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#way = { member: null, reason };
      if (reason !== this.#said) tell(reason);
      this.#said = reason;
    }
  }

  async #take(way: WayOut): Promise<void> {
    this.#way = way;
    const text = way.member === null ? `clients do not leave: ${way.reason}` : `clients leave through ${way.reason}`;
    if (text !== this.#said) this.#options.tell(text);
    this.#said = text;
    const isDead = way.member === null;
    if (isDead === this.#isDead) return;
    await this.#options.block(isDead);
    this.#isDead = isDead;
  }
}

function wayIn({ exit, members }: StatusReport, names: readonly Label[]): WayOut {
  if (exit === null) return { member: null, reason: `none of ${names.join(', ')} is a member any more` };
  return { member: members.find(({ id }) => id === exit.used)?.name ?? null, reason: exit.reason };
}
