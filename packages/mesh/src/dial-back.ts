/**
 * Finding out whether a node can be reached unasked: it asks a home, the home asks members that have no contact with the
 * node, and those send a first handshake message to its endpoint. What arrives proves the endpoint open to everybody.
 */
import { endpointParts, TokenBucket } from '@kith/core';
import type { Context } from './context.ts';
import type { Control } from './control.ts';
import type { Peer } from './peer.ts';
import type { Origin } from './plane.ts';
import type { Sessions } from './sessions.ts';

/** ms */
const EVERY = 600_000;
/** Requests served a second, over all who ask: nobody makes this node knock at many doors. */
const SERVED = { rate: 1, burst: 4 };
const STRANGERS = 2;

export class DialBack {
  readonly #context: Context;
  readonly #sessions: Sessions;
  readonly #served = new TokenBucket(SERVED.rate, SERVED.burst);
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(context: Context, sessions: Sessions) {
    this.#context = context;
    this.#sessions = sessions;
  }

  /** The network under the node changed: what was found out is of no use. */
  reset(): void {
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  ask(now: number): void {
    if (now - this.#askedAt < EVERY) return;
    const { nat, init, self } = this.#context;
    const verdict = nat.verdict(now, init.config.staticEndpoints.length > 0);
    const endpoint = nat.reflexive(now)[0];
    const home = this.#context.neighbours(now).find((peer) => peer.weKeep);
    if (verdict.reachable || verdict.nat === 'symmetric' || endpoint === undefined || home === undefined) return;
    this.#askedAt = now;
    this.#context.send(home, { kind: 'dial', member: self, endpoint, forwards: 1 }, null, now);
  }

  handle(peer: Peer, message: Extract<Control, { kind: 'dial' }>, origin: Origin, now: number): void {
    if (!this.#served.take(now)) return;
    if (message.forwards > 0) this.#passOn(peer, message, origin, now);
    else this.#knock(message, now);
  }

  /** For the asker itself only, and only at the address that it is seen at: nobody sends others to a third party. */
  #passOn(peer: Peer, message: Extract<Control, { kind: 'dial' }>, origin: Origin, now: number): void {
    if (message.member !== peer.id || origin.kind !== 'direct') return;
    if (endpointParts(origin.endpoint).address !== endpointParts(message.endpoint).address) return;
    const graph = this.#context.graph(now);
    const strangers = this.#context
      .neighbours(now)
      .filter((other) => other !== peer && graph.path(other.id, peer.id)?.length !== 2);
    for (const stranger of strangers.slice(0, STRANGERS)) {
      this.#context.send(stranger, { ...message, forwards: 0 }, null, now);
    }
  }

  #knock(message: Extract<Control, { kind: 'dial' }>, now: number): void {
    const target = this.#context.peer(message.member);
    // Whoever has had contact would be let in by the very filter that is asked about.
    if (target === null || target.hasSession || !this.#sessions.isStranger(message.endpoint, now)) return;
    this.#sessions.dial(target, message.endpoint, now);
  }
}
