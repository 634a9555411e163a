/** Pieces that somebody waits for, the most urgent first: few, because a reader asks for what it plays next. */
export class Deadlines {
  readonly #order: number[] = [];
  readonly #at = new Map<number, number>();

  get size(): number {
    return this.#order.length;
  }

  /** The pieces, most urgent first; to be read only. */
  get pieces(): readonly number[] {
    return this.#order;
  }

  has(piece: number): boolean {
    return this.#at.has(piece);
  }

  /** Monotonic ms by which the piece should be here, or infinity. */
  at(piece: number): number {
    return this.#at.get(piece) ?? Number.POSITIVE_INFINITY;
  }

  set(piece: number, at: number): void {
    this.delete(piece);
    this.#at.set(piece, at);
    let i = this.#order.length;
    while (i > 0 && this.at(this.#order[i - 1] as number) > at) i--;
    this.#order.splice(i, 0, piece);
  }

  delete(piece: number): boolean {
    if (!this.#at.delete(piece)) return false;
    this.#order.splice(this.#order.indexOf(piece), 1);
    return true;
  }

  clear(): void {
    this.#order.length = 0;
    this.#at.clear();
  }
}
