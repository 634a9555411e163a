const GONE = 0xffffffff;

/**
 * Requests in the order in which they came, without an object each: (piece, part, note). Taking out the oldest, or one
 * near it, costs little; peers answer nearly in order. Grows with what is in it.
 */
export class RequestRing {
  size = 0;
  #pieces = new Uint32Array(16);
  #parts = new Uint32Array(16);
  #notes = new Float64Array(16);
  /** Both only grow; the place in the arrays is what is left of them by the mask. */
  #head = 0;
  #tail = 0;

  push(piece: number, part: number, note: number): void {
    if (this.#tail - this.#head === this.#pieces.length) this.#makeRoom();
    const at = this.#tail++ & (this.#pieces.length - 1);
    this.#pieces[at] = piece;
    this.#parts[at] = part;
    this.#notes[at] = note;
    this.size++;
  }

  /** A handle for `delete` and `note`, valid until the next change, or -1. */
  find(piece: number, part: number): number {
    const mask = this.#pieces.length - 1;
    for (let i = this.#head; i < this.#tail; i++) {
      const at = i & mask;
      if (this.#pieces[at] === piece && this.#parts[at] === part) return at;
    }
    return -1;
  }

  /** The oldest, or -1. */
  first(): number {
    return this.size === 0 ? -1 : this.#head & (this.#pieces.length - 1);
  }

  piece(at: number): number {
    return this.#pieces[at] as number;
  }

  part(at: number): number {
    return this.#parts[at] as number;
  }

  note(at: number): number {
    return this.#notes[at] as number;
  }

  delete(at: number): void {
    this.#pieces[at] = GONE;
    this.size--;
    const mask = this.#pieces.length - 1;
    while (this.#head < this.#tail && this.#pieces[this.#head & mask] === GONE) this.#head++;
  }

  /** Takes out all that are in it now, oldest first; `each` may put in others. */
  drain(each: (piece: number, part: number, note: number) => void): void {
    for (let left = this.size; left > 0; left--) {
      const at = this.first();
      const piece = this.piece(at);
      const part = this.part(at);
      const note = this.note(at);
      this.delete(at);
      each(piece, part, note);
    }
  }

  #makeRoom(): void {
    const full = this.size * 2 > this.#pieces.length;
    const length = full ? 2 * this.#pieces.length : this.#pieces.length;
    const [pieces, parts, notes] = [new Uint32Array(length), new Uint32Array(length), new Float64Array(length)];
    const mask = this.#pieces.length - 1;
    let count = 0;
    for (let i = this.#head; i < this.#tail; i++) {
      const at = i & mask;
      if (this.#pieces[at] === GONE) continue;
      pieces[count] = this.#pieces[at] as number;
      parts[count] = this.#parts[at] as number;
      notes[count++] = this.#notes[at] as number;
    }
    [this.#pieces, this.#parts, this.#notes] = [pieces, parts, notes];
    this.#head = 0;
    this.#tail = count;
  }
}
