/** A binary heap: the least of its items first. `before` tells which of two is less. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    let at = this.#items.length;
    this.#items.push(item);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.#items[up] as T;
      if (!this.#before(item, parent)) break;
      this.#items[at] = parent;
      at = up;
    }
    this.#items[at] = item;
  }

  pop(): T | undefined {
    const least = this.#items[0];
    const last = this.#items.pop();
    if (least === undefined || last === undefined || this.#items.length === 0) return least;
    const length = this.#items.length;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= length) break;
      if (down + 1 < length && this.#before(this.#items[down + 1] as T, this.#items[down] as T)) down++;
      const child = this.#items[down] as T;
      if (!this.#before(child, last)) break;
      this.#items[at] = child;
      at = down;
    }
    this.#items[at] = last;
    return least;
  }

  clear(): void {
    this.#items.length = 0;
  }
}
