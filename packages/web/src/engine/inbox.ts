/** Messages for a reader that may pause: browsers' sockets and channels cannot be told to wait, so what comes meanwhile lies here. */
export class Inbox {
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #most: number;
  #waiting: ArrayBuffer[] = [];
  #bytes = 0;
  #open = false;

  /** @param most bytes that wait */
  constructor(deliver: (bytes: Uint8Array) => void, most: number) {
    this.#deliver = deliver;
    this.#most = most;
  }

  /** False where more waits than may. */
  put(message: ArrayBuffer): boolean {
    if (this.#open && this.#waiting.length === 0) {
      this.#deliver(new Uint8Array(message));
      return true;
    }
    this.#waiting.push(message);
    this.#bytes += message.byteLength;
    return this.#bytes <= this.#most;
  }

  pause(): void {
    this.#open = false;
  }

  /** Delivers in a turn of its own. */
  resume(): void {
    if (this.#open) return;
    this.#open = true;
    if (this.#waiting.length > 0) setTimeout(() => this.#empty(), 0);
  }

  #empty(): void {
    while (this.#open) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.#bytes -= message.byteLength;
      this.#deliver(new Uint8Array(message));
    }
  }
}
