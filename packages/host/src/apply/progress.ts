/** What goes on while a host is changed, for whoever watches. */
import type { Change } from '@kith/gateway';

export type Progress =
  /** A program is asked what it thinks of what it will be given. */
  | { readonly step: 'check'; readonly what: string }
  | {
      readonly step: 'change';
      readonly state: 'begin' | 'done';
      readonly change: Change;
      /** Counted from 1. */
      readonly place: number;
      readonly of: number;
      /** It takes back. */
      readonly reverting: boolean;
    }
  /** A change could not be taken back; the others are. */
  | { readonly step: 'left'; readonly change: Change; readonly why: string }
  /** Everything is about to be taken back. */
  | { readonly step: 'revert'; readonly why: string }
  /** A record is written: what is on disk before a `begin` or after a `done` is there after the power failed. */
  | { readonly step: 'record'; readonly state: 'begin' | 'done' };

export type Tell = (progress: Progress) => void;
