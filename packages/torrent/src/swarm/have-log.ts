/**
 * Pieces that came lately, for the peers that are still to be told: each keeps its place in the log and is told when it is
 * written to anyway, or shortly after. Without it every piece would be a write to every peer.
 */
export class HaveLog {
  readonly #pieces: number[] = [];
  #dropped = 0;

  /** The place behind the newest piece. */
  get end(): number {
    return this.#dropped + this.#pieces.length;
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  add(piece: number): void {
    this.#pieces.push(piece);
  }

  at(place: number): number {
    return this.#pieces[place - this.#dropped] as number;
  }

  /** Every peer was told of all. */
  clear(): void {
    this.#dropped = this.end;
    this.#pieces.length = 0;
  }
}
