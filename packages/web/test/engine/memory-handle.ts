/** A file of the browser's disk in memory. */
import type { SyncHandle } from '../../src/engine/disk.ts';

export class MemoryHandle implements SyncHandle {
  bytes: Uint8Array = new Uint8Array(0);
  closed = false;
  /** Bytes that fit; as a browser's quota ends it. */
  room: number = Number.POSITIVE_INFINITY;

  read(into: Uint8Array, { at }: { readonly at: number }): number {
    const found = this.bytes.subarray(at, at + into.length);
    into.set(found);
    return found.length;
  }

  write(from: Uint8Array, { at }: { readonly at: number }): number {
    const end = at + from.length;
    if (end > this.room) throw new DOMException('No space available', 'QuotaExceededError');
    if (end > this.bytes.length) this.truncate(end);
    this.bytes.set(from, at);
    return from.length;
  }

  truncate(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, size));
    this.bytes = bytes;
  }

  getSize(): number {
    return this.bytes.length;
  }

  flush(): void {
    if (this.closed) throw new Error('closed');
  }

  close(): void {
    this.closed = true;
  }
}
