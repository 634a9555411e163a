/** A file that can be read while it is still on its way. */
export interface StreamFile {
  /** Its path in the torrent, for people. */
  readonly name: string;
  /** Bytes. */
  readonly length: number;
  /** Strong: names these very bytes, for example by the torrent's info-hash and the file's place. Without quotes. */
  readonly etag: string;
  /** A reader with its own place in the file. */
  open(): StreamReader;
}

export interface StreamReader {
  /**
   * Waits for bytes from `begin` on and resolves with at least one, at most `most`. What lies behind them, up to `end`, is
   * asked for ahead. Rejects with an error for people where they cannot come.
   */
  read(begin: number, most: number, end: number): Promise<Uint8Array>;
  /** Nobody waits any longer; what was asked for ahead is no longer urgent. Idempotent. */
  close(): void;
}

/** Files under one link, for example those of a torrent. */
export interface StreamFolder {
  readonly name: string;
  readonly files: readonly StreamFile[];
}
