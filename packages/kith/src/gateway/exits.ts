/** Clients that leave through the mesh leave through the first of the file's members that is online. */
import type { Label } from '@kith/core';
import { exitAmong, findMesh } from './mesh.ts';

/** ms between two looks at who is online. */
const LOOK_EVERY = 2_000;

export class Exits {
  readonly #members: readonly Label[];
  readonly #tell: (text: string) => void;
  #timer: NodeJS.Timeout | null = null;
  #look: Promise<void> = Promise.resolve();
  #member: string | null = null;
  #said = '';
  #closed = false;

  constructor(members: readonly Label[], tell: (text: string) => void) {
    this.#members = members;
    this.#tell = tell;
  }

  /** The member that clients leave through now. */
  get member(): string | null {
    return this.#member;
  }

  async start(): Promise<void> {
    await this.#choose();
    this.#again();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#look;
    await this.#use(null).catch(() => undefined);
  }

  #again(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#look = this.#choose().then(() => this.#again());
    }, LOOK_EVERY);
  }

  async #choose(): Promise<void> {
    try {
      const mesh = await findMesh(this.#members);
      const found = mesh === null ? null : exitAmong(this.#members, await mesh.client.status());
      // Told each time: a daemon that was started anew has forgotten it.
      await this.#use(found?.name ?? null);
      if (found?.name !== this.#member)
        this.#say(found === null ? 'no exit is online' : `clients leave through ${found.name}`);
      this.#member = found?.name ?? null;
    } catch (error) {
      this.#member = null;
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  async #use(member: string | null): Promise<void> {
    await (await findMesh(this.#members))?.client.exit({ member });
  }

  #say(text: string): void {
    if (text !== this.#said) this.#tell(text);
    this.#said = text;
  }
}
