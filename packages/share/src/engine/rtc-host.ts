/** Between the shares of an engine and what finds peers over WebRTC for them. */
import { performance } from 'node:perf_hooks';
import { bencode, type Duplex, type Session } from '@kith/torrent';
import { WebRtc, type WebRtcOptions } from '../webrtc/webrtc.ts';
import type { Wanted } from './finder.ts';
import type { Reach } from './reach.ts';
import type { Share } from './share.ts';

/** How peers that are reached over WebRTC come to a share. */
export interface RtcHost {
  readonly webrtc: WebRtc;
  permits(wanted: Wanted, ip: string): boolean;
  /** Whether it may have connections by now. */
  active(wanted: Wanted): boolean;
  /** Whether another peer has a place. @param peerId of the one that it would be, as a binary string */
  wants(wanted: Wanted, peerId?: string): boolean;
  connected(wanted: Wanted, duplex: Duplex): void;
}

export interface RtcHostOptions {
  readonly webrtc?: WebRtcOptions | false;
  /** Addresses that peers are accepted on. */
  readonly host?: readonly string[];
  readonly log?: (level: 'info' | 'warn', text: string) => void;
}

interface Parts {
  readonly session: Session;
  readonly reach: Reach;
  readonly shares: ReadonlyMap<string, Share>;
}

export function rtcHost({ webrtc, host = [], log }: RtcHostOptions, { session, reach, shares }: Parts): RtcHost {
  const [address] = host;
  const shareOf = (wanted: Wanted): Share | undefined => {
    for (const share of shares.values()) if (share.wanted === wanted) return share;
    return undefined;
  };
  return {
    webrtc: new WebRtc({
      ...(webrtc === false ? {} : webrtc),
      // One address is all that the library can be held to; with more the candidates are chosen by whom they lead to.
      ...(host.length !== 1 || address === undefined ? {} : { bindAddress: address }),
      ...(log === undefined ? {} : { log }),
    }),
    permits: (wanted, ip) => {
      const share = shareOf(wanted);
      return share !== undefined && reach.permits(share.audience, ip);
    },
    active: (wanted) => shareOf(wanted)?.torrent.active === true,
    wants: (wanted, peerId) => {
      const share = shareOf(wanted);
      return share !== undefined && wantsPeer(share, peerId);
    },
    connected: (wanted, duplex) => {
      const share = shareOf(wanted);
      const now = performance.now();
      if (share === undefined) duplex.close('not wanted any more');
      else if (duplex.incoming) session.accept(duplex, now, share.torrent);
      else session.connected(duplex, share.torrent, now);
    },
  };
}

function wantsPeer({ torrent }: Share, peerId: string | undefined): boolean {
  const { active, connections, limits } = torrent;
  if (!active || connections.size >= limits.connectionsPerTorrent) return false;
  if (peerId === undefined) return true;
  const known = [...connections.byNumber.values()];
  return !known.some(({ ready, identity }) => ready && bencode.binaryString(identity.id) === peerId);
}
