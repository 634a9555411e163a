/** Which torrents a tracker serves: all but the denied ones, or the allowed ones only. */
import { binaryString } from '../bencode.ts';

export class HashLists {
  readonly #allowed: ReadonlySet<string> | undefined;
  readonly #denied: ReadonlySet<string>;

  /** Hashes of 20 bytes. Without `allow` everything is allowed; `deny` wins. */
  constructor(lists: { readonly allow?: Iterable<Uint8Array>; readonly deny?: Iterable<Uint8Array> } = {}) {
    this.#allowed = lists.allow === undefined ? undefined : new Set(Array.from(lists.allow, binaryString));
    this.#denied = new Set(Array.from(lists.deny ?? [], binaryString));
  }

  permits(infoHash: Uint8Array): boolean {
    const key = binaryString(infoHash);
    return !this.#denied.has(key) && (this.#allowed?.has(key) ?? true);
  }
}
