import type { PeerFilter } from '../net/peer-filter.ts';
import type { WebRtcDuplex } from './webrtc-duplex.ts';

/** A connection that is on its way, with its first channel. */
export interface Attempt {
  /** What the other side has to be told: an offer, or the answer to its own. */
  readonly sdp: string;
  /** The answer to an offer came. One that is no answer ends the attempt. */
  answered(sdp: string): void;
  /**
   * Whether whoever gave this answer is met already: over a connection that is open, or over one of two that are made at the
   * same time. It is the same one for both sides.
   */
  spare(answer: string): boolean;
  /** Rejects with `WebRtcError` only. */
  readonly opened: Promise<WebRtcDuplex>;
  /** Idempotent; does nothing once it is open. */
  abandon(): void;
}

/** Who wants the channels that others open on connections that are there. */
export interface ChannelListener {
  /** Whom they may lead to. */
  readonly filter: PeerFilter;
  wants(): boolean;
  opened(duplex: WebRtcDuplex): void;
}
