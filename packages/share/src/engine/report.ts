/** How shares look from outside: plain data that survives JSON. */
import type { ErrorCode, KithError } from '@kith/core';
import type { Metainfo, TorrentState } from '@kith/torrent';

/** As in the swarm; `checking` while the content is looked at. */
export type ShareState = TorrentState;

export interface TrackerReport {
  readonly url: string;
  readonly state: 'waiting' | 'announcing' | 'working' | 'failing' | 'given-up' | 'not-asked';
  /** Why it fails and when it is asked next, for people. */
  readonly problem?: string;
  readonly seeds?: number;
  readonly leechers?: number;
}

/** Bytes and bytes per second. */
export interface ShareSnapshot {
  /** Hex of the info-hash: of v1, or the first 20 bytes of v2. */
  readonly id: string;
  readonly name: string;
  readonly state: ShareState;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** The folder that the content is in. */
  readonly folder: string;
  /** The file or folder itself; absent while the metadata is missing. */
  readonly path?: string;
  readonly version?: Metainfo['version'];
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

export function errorReport(error: KithError): { readonly code: ErrorCode; readonly message: string } {
  return { code: error.code, message: error.message };
}
