/** Who waits for a piece to be verified. */
export class PieceWaiters {
  readonly #waiting = new Map<number, { readonly resolve: () => void; readonly reject: (error: unknown) => void }[]>();

  wait(piece: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(piece);
      if (waiting === undefined) this.#waiting.set(piece, [{ resolve, reject }]);
      else waiting.push({ resolve, reject });
    });
  }

  verified(piece: number): void {
    for (const { resolve } of this.#waiting.get(piece) ?? []) resolve();
    this.#waiting.delete(piece);
  }

  /** None of them will come. */
  fail(error: unknown): void {
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting) reject(error);
    this.#waiting.clear();
  }
}
