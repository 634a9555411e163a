/** The API of the share process. */
import type { ErrorCode } from '@kith/core';
import type { Alert } from './face.ts';

export type ShareState =
  'metadata' | 'checking' | 'downloading' | 'seeding' | 'paused' | 'queued' | 'stopped' | 'error';

export interface TrackerReport {
  readonly url: string;
  readonly state: 'waiting' | 'announcing' | 'working' | 'failing' | 'given-up' | 'not-asked';
  /** Why it fails and when it is asked next, for people. */
  readonly problem?: string;
  readonly seeds?: number;
  readonly leechers?: number;
}

/** Bytes and bytes per second. */
interface ShareSnapshot {
  /** Hex of the info-hash: of v1, or the first 20 bytes of v2. */
  readonly id: string;
  readonly name: string;
  readonly state: ShareState;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** The folder that the content is in. */
  readonly folder: string;
  /** The file or folder itself; absent while the metadata is missing. */
  readonly path?: string;
  readonly version?: 'v1' | 'v2' | 'hybrid';
  readonly files: number;
  /** Of all files; 0 while the metadata is missing. */
  readonly size: number;
  /** Of the pieces that are wanted, and of these what is there. */
  readonly wanted: number;
  readonly done: number;
  /** 0..1 */
  readonly progress: number;
  /** 0..1 while the content is checked. */
  readonly checked?: number;
  readonly downRate: number;
  readonly upRate: number;
  /** Payload ever. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** Seconds; absent where nothing comes. */
  readonly eta?: number;
  readonly peers: number;
  readonly seeds: number;
  /** Anybody may have it. */
  readonly public: boolean;
  /** Peers come from its trackers and the user alone (BEP 27). */
  readonly private: boolean;
  readonly sequential: boolean;
  /** Absent for no limit. */
  readonly limits: { readonly down?: number; readonly up?: number };
  /** ms since 1970 */
  readonly added: number;
  readonly trackers: readonly TrackerReport[];
}

export interface ShareFile {
  /** From 1 on, as in `select`. */
  readonly number: number;
  readonly path: string;
  readonly length: number;
  /** Bytes in verified pieces. */
  readonly done: number;
  /** 0..7, 0 for not wanted. */
  readonly priority: number;
}

export interface ShareReport extends ShareSnapshot {
  /** The magnet link, with this machine's addresses in the mesh as peers. */
  readonly magnet: string;
  /** The page that shows and plays it, on this machine or in the mesh; absent while the metadata is missing. */
  readonly link?: string;
  /** M3U for players, there too; absent where nothing in it plays. */
  readonly playlist?: string;
}

export interface ShareDetails extends ShareReport {
  readonly content: readonly ShareFile[];
  readonly connected: readonly PeerReport[];
  /** Absent while the metadata is missing. */
  readonly pieces?: PiecesReport;
}

/** What a member tells others that it shares. */
export interface ShelfList {
  readonly shares: readonly {
    readonly id: string;
    readonly name: string;
    readonly size: number;
    readonly files: number;
    /** Of its page, where this was told. */
    readonly path: string;
    readonly magnet: string;
  }[];
}

/** Which pieces are here. */
export interface PiecesReport {
  readonly count: number;
  /** A bit each, the highest of a byte first: base64. */
  readonly have: string;
}

export interface PeerReport {
  /** `HOST:PORT` */
  readonly address: string;
  readonly client: string | null;
  readonly encrypted: boolean;
  /** 0..1 */
  readonly progress: number;
  readonly downRate: number;
  readonly upRate: number;
}

export interface SharesReport {
  /** Null where nothing was ever shared, so that no process runs. */
  readonly pid: number | null;
  /** TCP port for peers. */
  readonly port: number | null;
  readonly shares: readonly ShareReport[];
  /** What keeps peers from all of them, and what to do. */
  readonly problems: readonly Omit<Alert, 'about'>[];
}

export interface ProcessReport {
  readonly pid: number;
  readonly port: number;
}

/** Where files can be read while they come. */
export interface StreamReport {
  readonly url: string;
  readonly file: string;
  /** It was there before. */
  readonly known: boolean;
  readonly id: string;
  /** M3U of all that plays in the share, on this machine; absent where nothing does. */
  readonly playlist?: string;
}

/** The media server for televisions in the local network. */
export interface TvReport {
  readonly on: boolean;
  /** As televisions show it. */
  readonly name: string;
  readonly interfaces: readonly string[];
  /** Ids of the shares that it shows; all where empty. */
  readonly shares: readonly string[];
  /** By interface: the address of its description, or why there is none. */
  readonly places: readonly {
    readonly interface: string;
    readonly url: string | null;
    readonly problem: string | null;
  }[];
  /** Films, pieces of music and pictures. */
  readonly titles: number;
}

/** One line of the answer while a torrent is made. */
export type MakeLine =
  { readonly progress: { readonly hashed: number; readonly total: number } } | { readonly share: ShareReport };
