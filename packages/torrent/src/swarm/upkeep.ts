import { BLOCK } from '../hashes.ts';
import type { Peer } from './peer.ts';
import { spareSeeds } from './spared-seeds.ts';
import type { Torrent } from './torrent.ts';

/** Time between two looks at the peers, ms. */
const INTERVAL = 1000;
/** The same while somebody waits for a piece. */
const HURRY_INTERVAL = 100;
/** Silence of this side after which it says that it is alive (BEP 3: the peer gives up after two minutes). */
const KEEP_ALIVE = 100_000;

/** What a torrent does because time passes. Without peers it does nothing and asks for no wake. */
export class Upkeep {
  readonly #torrent: Torrent;
  #lookedAt: number;
  #hurriedAt: number = Number.NEGATIVE_INFINITY;

  constructor(torrent: Torrent, now: number) {
    this.#torrent = torrent;
    this.#lookedAt = now;
  }

  tick(now: number): void {
    const torrent = this.#torrent;
    torrent.tellAllHaves();
    torrent.upload.resume(now);
    const opensAt = torrent.inflow.resume(now);
    if (opensAt !== undefined) torrent.wakeAt(opensAt);
    if (now - this.#lookedAt >= INTERVAL) {
      spareSeeds(torrent.peers.values(), now - this.#lookedAt, now);
      this.#lookedAt = now;
      this.#look(now);
    }
    this.#hurry(now);
    if (torrent.peers.size > 0) torrent.wakeAt(Math.max(this.#lookedAt + INTERVAL, now + 1));
  }

  #hurry(now: number): void {
    const { download } = this.#torrent;
    if (download === undefined || download.requester.deadlines.size === 0) return;
    if (now - this.#hurriedAt >= HURRY_INTERVAL) {
      this.#hurriedAt = now;
      download.hurry(now);
    }
    this.#torrent.wakeAt(this.#hurriedAt + HURRY_INTERVAL);
  }

  #look(now: number): void {
    const torrent = this.#torrent;
    torrent.exchange.look(now);
    for (const peer of [...torrent.peers.values()]) this.#lookAt(peer, now);
    torrent.up.sample(now);
    torrent.down.sample(now);
    torrent.upload.round(now);
    if (torrent.peers.size === 0) {
      torrent.up.restart(now);
      torrent.down.restart(now);
    }
  }

  #lookAt(peer: Peer, now: number): void {
    const torrent = this.#torrent;
    const { limits } = torrent;
    if (!peer.ready) {
      if (now - peer.connectedAt > limits.handshakeTime) peer.close('no handshake', now);
      return;
    }
    if (now - (peer.wire.lastHeard ?? peer.connectedAt) > limits.silence && !peer.pausedForRate) {
      peer.close('silent', now);
      return;
    }
    const sent = peer.wire.uploadedPayload;
    torrent.up.add(sent - peer.countedSent);
    peer.countedSent = sent;
    peer.upload.sample(now);
    peer.pipeline.pace = this.#pace();
    if (torrent.download?.checkTimeout(peer, now) === false) {
      peer.close('never sends what it is asked for', now);
      return;
    }
    torrent.download?.fill(peer, now);
    if (peer.v2) torrent.hashFetch?.fill(peer, now);
    const said = peer.wire.uploadedPayload + peer.wire.uploadedProtocol;
    if (said !== peer.saidBytes) {
      peer.saidBytes = said;
      peer.lastSentAt = now;
    } else if (now - peer.lastSentAt > KEEP_ALIVE) {
      peer.wire.keepAlive();
    }
    peer.wire.flush();
  }

  /** Requests that a peer should have waiting where a limit allows no more: what is asked for in vain is not. */
  #pace(): number {
    const { inflow, limits, peers } = this.#torrent;
    if (inflow.rate === Number.POSITIVE_INFINITY) return inflow.rate;
    return Math.max(2, Math.ceil((inflow.rate * limits.queueTime) / 1000 / BLOCK / Math.max(1, peers.size)));
  }
}
