/** What the share process answers: plain JSON. Sizes in bytes, rates in bytes per second, times in ms since 1970. */
import type { ShareFile, ShareSnapshot } from '@kith/share';

export interface ShareReport extends ShareSnapshot {
  /** The magnet link, with this machine's addresses in the mesh as peers. */
  readonly magnet: string;
  /** Where a browser or player gets the content, on this machine or in the mesh; absent while the metadata is missing. */
  readonly link?: string;
}

export interface ShareDetails extends ShareReport {
  readonly content: readonly ShareFile[];
  readonly connected: readonly PeerReport[];
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
}

/** One line of the answer while a torrent is made. */
export type MakeLine =
  { readonly progress: { readonly hashed: number; readonly total: number } } | { readonly share: ShareReport };
