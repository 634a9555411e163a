import type { AddOptions, Session, Torrent } from '@kith/torrent';
import type { Disk } from '../storage/disk.ts';
import type { ResumeFile } from '../storage/resume-file.ts';
import type { Events } from './events.ts';
import type { Reach } from './reach.ts';
import type { TrackerReport } from './report.ts';
import type { Share } from './share.ts';

/** What the shares of an engine have in common. */
export interface ShareHost {
  readonly session: Session;
  readonly disk: Disk;
  readonly resume: ResumeFile;
  readonly reach: Reach;
  readonly events: Events;
  /** Monotonic ms. */
  now(): number;
  /** @throws KithError TORRENT_DUPLICATE */
  enter(share: Share, options: AddOptions, now: number): Torrent;
  leave(share: Share, torrent: Torrent): void;
  /** One after the other: what reads whole files. */
  queue<T>(work: () => Promise<T>): Promise<T>;
  /** It became known whether the torrent is private. */
  restartFinders(share: Share): void;
  finishFinders(share: Share): void;
  trackerReports(share: Share): readonly TrackerReport[];
}
