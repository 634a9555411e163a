/**
 * Figures of what this machine shares, summed up: names of shares are nobody's business but their owner's, and there may
 * be thousands.
 */
import { Family } from '@kith/gateway';

/** What is taken from the report of one share. */
export interface ShareFigures {
  readonly state: string;
  /** Bytes. */
  readonly size: number;
  readonly done: number;
  /** Payload ever, in bytes. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** Bytes per second. */
  readonly downRate: number;
  readonly upRate: number;
  readonly peers: number;
}

export function shareText(shares: readonly ShareFigures[]): string {
  const states = new Family('kith_share_shares', 'gauge', 'Shares, by state.');
  for (const state of new Set(shares.map((each) => each.state))) {
    states.add(shares.filter((each) => each.state === state).length, { state });
  }
  const sum = (of: (share: ShareFigures) => number): number => shares.reduce((total, share) => total + of(share), 0);
  const families = [
    states,
    new Family('kith_share_peers', 'gauge', 'Connections with peers.').add(sum(({ peers }) => peers)),
    new Family('kith_share_size_bytes', 'gauge', 'Content of all shares.').add(sum(({ size }) => size)),
    new Family('kith_share_present_bytes', 'gauge', 'Content that is here and checked.').add(sum(({ done }) => done)),
    new Family(
      'kith_share_received_bytes',
      'gauge',
      'Payload that the present shares received; less when one is removed.',
    ).add(sum(({ downloaded }) => downloaded)),
    new Family('kith_share_sent_bytes', 'gauge', 'Payload that the present shares sent; less when one is removed.').add(
      sum(({ uploaded }) => uploaded),
    ),
    new Family('kith_share_receive_bytes_per_second', 'gauge', 'Rate of what is received.').add(
      sum(({ downRate }) => downRate),
    ),
    new Family('kith_share_send_bytes_per_second', 'gauge', 'Rate of what is sent.').add(sum(({ upRate }) => upRate)),
  ];
  return families.map(({ text }) => text).join('');
}
