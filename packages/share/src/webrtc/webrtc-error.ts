export type WebRtcFailure =
  /** There is no WebRTC on this machine, and there will be none. */
  | 'unavailable'
  /** The process that has it ended; it comes again. */
  | 'crashed'
  /** As many connections as may be are there or on their way. */
  | 'full'
  /** What the other side said is no session description. */
  | 'malformed'
  /** The other side is nobody who may be talked to. */
  | 'forbidden'
  /** It did not come to a connection. */
  | 'failed'
  /** This side gave it up. */
  | 'closed';

/** Why there is no connection. The engine goes on with its other peers after any of them. */
export class WebRtcError extends Error {
  readonly failure: WebRtcFailure;

  constructor(failure: WebRtcFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}
