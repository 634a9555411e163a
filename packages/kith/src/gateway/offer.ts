/** A gateway that lets members of the mesh out says so to them, for as long as it has a way out itself. */
import { hasWayOut } from '@kith/host';
import { findMesh } from './mesh.ts';
import { Rounds } from './rounds.ts';

/** ms between two looks. */
const LOOK_EVERY = 2_000;

export interface OfferOptions {
  /** The interface that leads out. */
  readonly exit: string;
  readonly tell: (text: string) => void;
}

export class Offer {
  readonly #options: OfferOptions;
  readonly #rounds: Rounds;
  #said = '';

  constructor(options: OfferOptions) {
    this.#options = options;
    this.#rounds = new Rounds(LOOK_EVERY, () => this.#look());
  }

  start(): Promise<void> {
    return this.#rounds.start();
  }

  async close(): Promise<void> {
    await this.#rounds.close();
    await this.#say(false).catch(() => undefined);
  }

  async #look(): Promise<void> {
    const { exit } = this.#options;
    try {
      const serves = await hasWayOut(exit);
      const found = await this.#say(serves);
      if (!found) this.#note('the mesh is not up on this machine: nobody leaves through it');
      else this.#note(serves ? 'members of the mesh may leave here' : `${exit} leads nowhere: members are told so`);
    } catch (error) {
      this.#note(error instanceof Error ? error.message : String(error));
    }
  }

  /** False where there is no mesh. */
  async #say(serves: boolean): Promise<boolean> {
    const mesh = await findMesh([]);
    await mesh?.client.exit({ members: null, serves });
    return mesh !== null;
  }

  #note(text: string): void {
    if (text !== this.#said) this.#options.tell(text);
    this.#said = text;
  }
}
