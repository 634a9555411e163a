/**
 * What the process for WebRTC needs of a library that has it: what node-datachannel's connections and channels give as they
 * are. A library may throw out of any of these calls, and calls back when it likes, but never out of a call to it.
 */
import type { Certificate } from './certificate.ts';

/** The first is native code, and several times faster; the other runs wherever Node does. */
export type LibraryName = 'node-datachannel' | 'werift';

export interface Library {
  readonly name: LibraryName;
  /** @param failed told once, at most, where it ends for a reason that no state has */
  connect(id: string, options: LibraryOptions, failed: (reason: string) => void): LibraryConnection;
}

export interface LibraryOptions {
  /** URLs of STUN and TURN servers. Nobody is asked without them. */
  readonly iceServers: readonly string[];
  /** The one address that is used. */
  readonly bindAddress?: string;
  readonly certificate: Certificate;
  /** The largest message that is taken, bytes. */
  readonly maxMessageSize: number;
}

export interface LibraryConnection {
  /** The first one makes an offer. */
  createDataChannel(label: string): LibraryChannel;
  /** An offer is answered. Descriptions have all their candidates. */
  setRemoteDescription(sdp: string, type: 'offer' | 'answer'): void;
  localDescription(): { readonly sdp: string } | null;
  getSelectedCandidatePair(): { readonly remote: { readonly address: string; readonly port: number } } | null;
  /** Of the certificate that the other side showed, and proved to have the key of. */
  remoteFingerprint(): { readonly algorithm: string; readonly value: string };
  close(): void;
  /** Of those that are looked at: `connected`, `disconnected`, `failed`, `closed`. */
  onStateChange(listener: (state: string) => void): void;
  /** `gathering`, and `complete` when the local description is. */
  onGatheringStateChange(listener: (state: string) => void): void;
  onDataChannel(listener: (channel: LibraryChannel) => void): void;
}

export interface LibraryChannel {
  getLabel(): string;
  isOpen(): boolean;
  /** What the other side takes, bytes. */
  maxMessageSize(): number;
  /** The bytes may change as soon as it returns. */
  sendMessageBinary(bytes: Uint8Array): boolean;
  /** Bytes that were not handed to the network yet. */
  bufferedAmount(): number;
  setBufferedAmountLowThreshold(bytes: number): void;
  close(): void;
  onOpen(listener: () => void): void;
  onMessage(listener: (message: string | Buffer | ArrayBuffer) => void): void;
  onBufferedAmountLow(listener: () => void): void;
  onError(listener: (reason: string) => void): void;
  onClosed(listener: () => void): void;
}
