/**
 * Hole punching: both ends of a relayed path learn each other's endpoints and send to them at the same moment, so that
 * each NAT sees its own side speak first. One asks over the relay and says the path's RTT; the other answers and sends
 * after half of it, just when the asker, who sends on the answer, begins too. One well-timed try and two retries; then
 * a pause that grows, so that hopeless pairs stay quiet.
 */
import { endpointParts, isIPv4, readUint32LE, scopeOf } from '@kith/core';
import { directCandidates, isWorthTrying, ownEndpoints } from './candidates.ts';
import type { Context } from './context.ts';
import type { Control } from './control.ts';
import type { Paths } from './paths.ts';
import type { Peer } from './peer.ts';
import type { Path } from './plane.ts';

/** ms after the agreed moment at which probes go out. */
const VOLLEYS = [0, 200, 700] as const;
const VERDICT_AFTER = 1600;
const FIRST_PAUSE = 10_000;
const LONGEST_PAUSE = 300_000;
/** An ask without an answer is repeated after this. */
const ASK_AGAIN = 1000;
/** One peer's asks are served at most this often: probes are a common budget. */
const SERVE_AGAIN = 900;

export class Puncher {
  readonly #context: Context;
  readonly #paths: Paths;
  #busy = new Set<Peer>();

  constructor(context: Context, paths: Paths) {
    this.#context = context;
    this.#paths = paths;
  }

  wakeAt(): number | null {
    let at: number | null = null;
    for (const { punch } of this.#busy) {
      const next = punch.volleys[0] ?? punch.verdictAt;
      if (next !== null && next !== undefined && (at === null || next < at)) at = next;
    }
    return at;
  }

  /** Starts or goes on with the search for a direct way, if it is time. */
  seek(peer: Peer, now: number): void {
    const { punch } = peer;
    if (punch.verdictAt !== null || now < punch.nextAt || !peer.hasSession) return;
    if (directCandidates(this.#context, peer, now).length === 0) return;
    const txid = readUint32LE(this.#context.init.crypto.random(4), 0);
    const rtt = peer.current?.rtt ?? 100;
    if (!this.#context.send(peer, this.#message('ask', txid, rtt, now), null, now)) return;
    punch.nextAt = now + ASK_AGAIN;
    peer.punch = { ...punch, txid, volleys: [], verdictAt: null, nextAt: now + ASK_AGAIN, answered: false };
  }

  handle(peer: Peer, message: Extract<Control, { kind: 'punch' }>, now: number): void {
    for (const endpoint of message.candidates)
      if (isWorthTrying(this.#context, peer, endpoint, now)) this.#paths.learn(peer, endpoint);
    if (message.step === 'ask') {
      if (peer.punch.volleys.length > 0 || now < peer.punch.servedAt + SERVE_AGAIN) return;
      peer.punch.servedAt = now;
      this.#context.send(peer, this.#message('answer', message.txid, message.rtt, now), null, now);
      this.#begin(peer, now + Math.min(message.rtt, 1000) / 2, now);
    } else if (message.txid === peer.punch.txid && !peer.punch.answered) {
      this.#begin(peer, now, now);
    }
  }

  /** Something changed on either side: what was hopeless may work now. */
  reset(peer: Peer): void {
    peer.punch = { ...peer.punch, nextAt: 0, failures: 0 };
  }

  tick(now: number): void {
    for (const peer of this.#busy) {
      const { punch } = peer;
      while (punch.volleys[0] !== undefined && punch.volleys[0] <= now) {
        punch.volleys.shift();
        this.#volley(peer, now);
      }
      if (punch.verdictAt !== null && punch.verdictAt <= now) this.#judge(peer, now);
    }
  }

  forget(peer: Peer): void {
    this.#busy.delete(peer);
  }

  #begin(peer: Peer, at: number, now: number): void {
    peer.punch.answered = true;
    peer.punch.volleys = VOLLEYS.map((delay) => at + delay);
    peer.punch.verdictAt = at + VERDICT_AFTER;
    this.#busy.add(peer);
    this.tick(now);
  }

  #volley(peer: Peer, now: number): void {
    if (this.#paths.liveDirect(peer, now) !== null) return;
    const learnt = [...peer.candidates.values()].flatMap((c) => (c.path.kind === 'direct' ? [c.path.endpoint] : []));
    this.#paths.probe(peer, new Set([...directCandidates(this.#context, peer, now), ...learnt]), now);
  }

  #judge(peer: Peer, now: number): void {
    const { punch } = peer;
    this.#busy.delete(peer);
    punch.verdictAt = null;
    const direct = this.#paths.liveDirect(peer, now);
    if (direct !== null) {
      punch.failures = 0;
      punch.nextAt = now + ASK_AGAIN;
      if (isThroughNat(direct.path)) this.#context.nat.punchWorked();
      return;
    }
    punch.failures++;
    punch.nextAt = now + Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(punch.failures - 1, 5));
    this.#context.nat.punchFailed();
    this.#context.presenceChanged(now);
    if (punch.failures === 1) {
      this.#context.log(
        'info',
        'punch',
        peer.id,
        `no direct way to ${peer.identity.name} could be opened; data stays relayed`,
      );
    }
  }

  #message(step: 'ask' | 'answer', txid: number, rtt: number, now: number): Control {
    const candidates = ownEndpoints(this.#context, now).map(({ endpoint }) => endpoint);
    return { kind: 'punch', step, txid, rtt, candidates };
  }
}

/** A way within one home, or over IPv6, says nothing of the NAT in front of it. */
function isThroughNat(path: Path): boolean {
  if (path.kind !== 'direct') return false;
  const { address } = endpointParts(path.endpoint);
  return isIPv4(address) && scopeOf(address) === 'global';
}
