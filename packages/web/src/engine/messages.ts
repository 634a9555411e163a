/** What the page, its engine in a worker and the service worker say to each other. */

/** A file as the node lists it in `share.json`. */
export interface SharedFile {
  readonly number: number;
  /** With slashes. */
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  /** Content-Type. */
  readonly type: string;
  /** Below the link, at the node. */
  readonly url: string;
}

export interface ShareInfo {
  /** Hex of the info-hash. */
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly files: readonly SharedFile[];
}

/** One request of the service worker; the answer goes through the port that comes with it. */
export interface StreamRequest {
  readonly kind: 'stream';
  readonly file: number;
  readonly method: 'GET' | 'HEAD';
  readonly range: string | null;
  readonly ifRange: string | null;
  /** To be kept by the browser, not shown. */
  readonly save: boolean;
}

/** How an answer begins. Then, for each `pull`, bytes, `null` at the end, or what went wrong. */
export interface StreamHead {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export type StreamPart = ArrayBuffer | null | { readonly error: string };

export type StreamAsk = 'pull' | 'cancel';

export type ToEngine =
  | {
      readonly kind: 'start';
      /** The link, with a slash at its end. */
      readonly link: string;
      readonly share: ShareInfo;
      readonly metainfo: ArrayBuffer;
      /** To the page, which alone can make connections by WebRTC; null where it cannot. */
      readonly rtc: MessagePort | null;
    }
  | { readonly kind: 'want'; readonly files: readonly number[] }
  | { readonly kind: 'answer'; readonly request: StreamRequest; readonly port: MessagePort }
  /** Deletes what is kept of this share, or of the others. */
  | { readonly kind: 'forget'; readonly what: 'this' | 'others' };

export type FromEngine =
  | { readonly kind: 'report'; readonly report: EngineReport }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** Where pieces are kept: on the browser's disk, or in memory and why. */
export type Kept = { readonly place: 'disk' } | { readonly place: 'memory'; readonly because: 'missing' | 'other-tab' };

export interface PeerReport {
  readonly kind: 'node' | 'browser';
  readonly client: string;
  /** 0..1 */
  readonly progress: number;
  /** Bytes per second. */
  readonly downRate: number;
  readonly upRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
}

/** `idle`: neither side lacks anything that the other has. */
export type LinkState = 'connecting' | 'connected' | 'idle' | 'away';

export interface EngineReport {
  readonly state: 'downloading' | 'seeding' | 'paused' | 'error';
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly kept: Kept;
  /** Bytes that are here, per file of `ShareInfo.files`. */
  readonly done: readonly number[];
  readonly wanted: readonly boolean[];
  readonly downRate: number;
  readonly upRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
  /** Bytes that were here from an earlier visit. */
  readonly resumed: number;
  readonly node: LinkState;
  /** Where browsers find each other; null without WebRTC. */
  readonly meeting: LinkState | null;
  readonly peers: readonly PeerReport[];
}

/** Worker to page. Ids are the worker's. Descriptions are whole: candidates are in them. */
export type RtcAsk =
  | { readonly kind: 'offer'; readonly id: number }
  | { readonly kind: 'accept'; readonly id: number; readonly sdp: string }
  | { readonly kind: 'answer'; readonly id: number; readonly sdp: string }
  | { readonly kind: 'drop'; readonly id: number };

/** Page to worker; after `open` the bytes of the channel go through `port`. */
export type RtcTell =
  | { readonly kind: 'described'; readonly id: number; readonly sdp: string }
  | { readonly kind: 'open'; readonly id: number; readonly port: MessagePort }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string };

/** Through a channel's port, from the page: bytes, how many of ours were taken by the channel, or that it ended. */
export type ChannelTell = ArrayBuffer | { readonly taken: number } | { readonly closed: string };
/** To the page: bytes, or that it is to end. */
export type ChannelAsk = ArrayBuffer | 'close';
