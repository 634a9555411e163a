/** Keeps what was found out for a while, by name, so that many who ask at once make the work once. */
export class Fresh<T> {
  readonly #lifetime: number;
  readonly #kept = new Map<string, { readonly at: number; readonly value: Promise<T> }>();

  /** @param lifetime ms */
  constructor(lifetime: number) {
    this.#lifetime = lifetime;
  }

  /**
   * Null where it could not be made; then the next one who asks tries again.
   *
   * @param now monotonic, ms
   */
  async of(name: string, now: number, make: () => Promise<T>): Promise<T | null> {
    const kept = this.#kept.get(name);
    const value = kept !== undefined && now - kept.at < this.#lifetime ? kept.value : make();
    if (value !== kept?.value) this.#kept.set(name, { at: now, value });
    try {
      return await value;
    } catch {
      if (this.#kept.get(name)?.value === value) this.#kept.delete(name);
      return null;
    }
  }
}
