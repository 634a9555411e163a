import { Heap } from './heap.ts';

interface Entry<T> {
  readonly item: T;
  readonly at: number;
}

/** Who wants to be woken when. Who does not is not in it and costs nothing. */
export class WakeList<T> {
  readonly #times = new Map<T, number>();
  /** Holds outdated entries too: they are passed over when their time comes. */
  readonly #heap = new Heap<Entry<T>>((a, b) => a.at < b.at);

  /** The earliest time, or infinity. */
  get next(): number {
    for (let top = this.#heap.peek(); top !== undefined; top = this.#heap.peek()) {
      if (this.#times.get(top.item) === top.at) return top.at;
      this.#heap.pop();
    }
    return Number.POSITIVE_INFINITY;
  }

  /** @param at replaces what was set before; infinity takes the item out */
  set(item: T, at: number): void {
    if (this.#times.get(item) === at) return;
    if (at === Number.POSITIVE_INFINITY) {
      this.#times.delete(item);
      return;
    }
    this.#times.set(item, at);
    this.#heap.push({ item, at });
    if (this.#heap.size > 64 + 4 * this.#times.size) this.#rebuild();
  }

  /** As `set`, unless the item is to be woken earlier. */
  setEarlier(item: T, at: number): void {
    if (at < (this.#times.get(item) ?? Number.POSITIVE_INFINITY)) this.set(item, at);
  }

  delete(item: T): void {
    this.#times.delete(item);
  }

  /** Takes out one whose time has come. */
  take(now: number): T | undefined {
    if (this.next > now) return undefined;
    const top = this.#heap.pop();
    if (top !== undefined) this.#times.delete(top.item);
    return top?.item;
  }

  #rebuild(): void {
    this.#heap.clear();
    for (const [item, at] of this.#times) this.#heap.push({ item, at });
  }
}
