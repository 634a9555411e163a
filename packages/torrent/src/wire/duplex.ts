/**
 * A connection as the engine sees it: bytes in order, both ways. TCP, WebRTC, WebSocket and the pair in memory that the
 * tests use stand behind it.
 */

import type { Copy } from './copy.ts';

/** `ip` in text, IPv6 without brackets and zone. */
export interface PeerAddress {
  readonly ip: string;
  readonly port: number;
}

export interface DuplexHandler {
  /** Bytes that came; valid during the call only, and the handler's to change (it decrypts in place). */
  data(bytes: Uint8Array, now: number): void;
  /** All that was written is taken by the system. Follows every write, never from within it; several share one. */
  drain(now: number): void;
  /** Once; nothing comes after it. `reason` is for people, for example `connection reset`. */
  closed(reason: string, now: number): void;
}

export interface Duplex {
  readonly kind: 'tcp' | 'webrtc' | 'websocket' | 'memory';
  readonly remote: PeerAddress;
  /** True where the other side opened the connection. */
  readonly incoming: boolean;
  /** Begins to read. Nothing is delivered before, and never from within this call. */
  start(handler: DuplexHandler): void;
  /** Queues chunks in order, with one system call where that can be. They must not change until they are gone. */
  write(chunks: readonly Uint8Array[]): void;
  /** How blocks get from what it reads to where they belong, and to what it writes; portable where it is not there. */
  readonly copy?: Copy;
  /** Bytes queued and not yet taken by the system. */
  readonly pending: number;
  /** Stops and goes on reading: the back-pressure of rate limits and of a full store. Idempotent. */
  pause(): void;
  resume(): void;
  /** Ends both directions at once; `closed` follows. Idempotent. */
  close(reason: string): void;
}
