/** What the resume file keeps of a share besides the torrent's own progress, as JSON. */
import type { NameRules } from '@kith/torrent';

export interface ShareRecord {
  /** `made`: of files that are the user's; nothing is ever written to them. `got`: what comes is written. */
  readonly origin: 'made' | 'got';
  /** How the names of the files were made safe when they were first looked for. */
  readonly names: NameRules;
  /** Name on disk of the file or folder, where it is not the torrent's. */
  readonly root?: string;
  /** The link, until the metadata came. */
  readonly magnet?: string;
  /** What is kept is the info dictionary alone, as the piece layers of v2 are not all known yet. */
  readonly bare?: boolean;
  readonly public: boolean;
  /** `HOST:PORT` as the user gave them. */
  readonly peers: readonly string[];
  /** Those that the user named, and those of the torrent or link. */
  readonly trackers: readonly string[];
  readonly found: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly select?: readonly string[];
  readonly sequential: boolean;
  /** Stops once everything wanted is there. */
  readonly noSeed: boolean;
  /** Everything wanted was there once: from then on a file that differs was changed by somebody. */
  readonly whole: boolean;
  /** Its place was looked at and was free, or the user said what is there may go: what is there now may be its own. */
  readonly settled: boolean;
  readonly down?: number;
  readonly up?: number;
}

const NEW: ShareRecord = {
  origin: 'got',
  names: 'portable',
  public: false,
  peers: [],
  trackers: [],
  found: [],
  webSeeds: [],
  sequential: false,
  noSeed: false,
  whole: false,
  settled: false,
};

/** A record from a database of this program: what an older one did not know has its default. */
export function parseRecord(text: string | undefined): ShareRecord {
  const value: unknown = text === undefined ? {} : JSON.parse(text);
  return typeof value === 'object' && value !== null ? { ...NEW, ...value } : NEW;
}

export function newRecord(fields: Partial<ShareRecord>): ShareRecord {
  return { ...NEW, ...fields };
}
