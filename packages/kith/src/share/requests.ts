/** Bodies of requests to the share process. */
import { flag, listOf, longText, nullable, oneOf, read, type Rule, text, whole } from '../api/rules.ts';

export interface MakeRequest {
  /** Absolute. */
  readonly path: string;
  readonly name: string | null;
  readonly version: 'v1' | 'v2' | 'hybrid' | null;
  readonly pieceLength: number | null;
  readonly private: boolean;
  readonly public: boolean;
  readonly hidden: boolean;
  readonly trackers: readonly string[];
  readonly webSeeds: readonly string[];
}

export interface GetRequest {
  /** A magnet link, an http address, or the absolute path of a torrent file. */
  readonly source: string;
  readonly kind: 'magnet' | 'url' | 'file';
  /** Absolute. */
  readonly folder: string;
  readonly select: readonly string[];
  readonly peers: readonly string[];
  readonly trackers: readonly string[];
  readonly public: boolean;
  readonly sequential: boolean;
  readonly noSeed: boolean;
  /** What is there and is not the torrent's may be written over. */
  readonly overwrite: boolean;
}

/** What is to be done with one share. */
export interface ChangeShareRequest {
  readonly action: 'pause' | 'resume' | 'recheck' | 'remove' | 'limit' | 'select';
  /** For `remove`: what was loaded goes too. */
  readonly data: boolean;
  /** For `limit`: bytes per second; 0 takes it away, null leaves it. */
  readonly down: number | null;
  readonly up: number | null;
  readonly select: readonly string[];
}

export interface RatesRequest {
  /** Bytes per second; 0 takes it away, null leaves it. */
  readonly down: number | null;
  readonly up: number | null;
}

export interface StreamRequest {
  /** Id of a share. */
  readonly id: string;
  /** Number, name or pattern; the largest film, sound or file without it. */
  readonly file: string | null;
}

/** What televisions in the local network get to see. */
export interface TvRequest {
  readonly on: boolean;
  /** Names of interfaces; those of before where empty, or the only one that can serve. */
  readonly interfaces: readonly string[];
  /** Ids, first characters of them, or names of shares; all where empty, those of before where null. */
  readonly shares: readonly string[] | null;
}

const path: Rule<string> = longText(4096);
const absent: Rule<boolean> = (value, key) => (value === undefined ? false : flag(value, key));
const texts: Rule<string[]> = listOf(longText(4096), 1000);
const rate: Rule<number> = whole(0, 2 ** 40);

export function readMakeRequest(body: unknown): MakeRequest {
  return read<MakeRequest>(body, {
    ...{ path, name: nullable(text), version: nullable(oneOf('v1', 'v2', 'hybrid')) },
    ...{ pieceLength: nullable(whole(1, 2 ** 30)), private: absent, public: absent, hidden: absent },
    ...{ trackers: texts, webSeeds: texts },
  });
}

export function readGetRequest(body: unknown): GetRequest {
  return read<GetRequest>(body, {
    ...{ source: longText(65_536), kind: oneOf('magnet', 'url', 'file'), folder: path },
    ...{ select: texts, peers: texts, trackers: texts },
    ...{ public: absent, sequential: absent, noSeed: absent, overwrite: absent },
  });
}

export function readChangeShareRequest(body: unknown): ChangeShareRequest {
  return read<ChangeShareRequest>(body, {
    action: oneOf('pause', 'resume', 'recheck', 'remove', 'limit', 'select'),
    ...{ data: absent, down: nullable(rate), up: nullable(rate), select: texts },
  });
}

export function readRatesRequest(body: unknown): RatesRequest {
  return read<RatesRequest>(body, { down: nullable(rate), up: nullable(rate) });
}

export function readTvRequest(body: unknown): TvRequest {
  return read<TvRequest>(body, { on: flag, interfaces: listOf(text, 16), shares: nullable(texts) });
}

export function readStreamRequest(body: unknown): StreamRequest {
  return read<StreamRequest>(body, { id: text, file: nullable(path) });
}
