/** Keeps network.json up to date without wearing the disk: changes are gathered, a write is at most as late as its delay. */
import { type NetworkFile, writeNetworkFile } from '../state/network-file.ts';

/** ms between a change and its write: what is lost with a crash is a hint for the next start, nothing acknowledged. */
const DELAY = 5_000;

export class NetworkFileWriter {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #file: NetworkFile;
  #timer: NodeJS.Timeout | null = null;

  constructor(path: string, file: NetworkFile, onError: (error: unknown) => void) {
    this.#path = path;
    this.#file = file;
    this.#onError = onError;
  }

  get file(): NetworkFile {
    return this.#file;
  }

  update(change: Partial<NetworkFile>): void {
    const next = { ...this.#file, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#file)) return;
    this.#file = next;
    this.#timer ??= setTimeout(() => this.flush(), DELAY);
  }

  /** Writes now. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    try {
      writeNetworkFile(this.#path, this.#file);
    } catch (error) {
      this.#onError(error);
    }
  }
}
