/** What one address may send, and be sent in answers, per second (an address of IPv6 is its /64). */
import { isIPv4, prefixOf, TokenBucket } from '@kith/core';
import { endpointKey, isLocal, type NodeAddress } from './contact.ts';
import type { DhtLimits } from './limits.ts';

interface Source {
  readonly datagrams: TokenBucket;
  readonly bytes: TokenBucket;
}

export class SourceLimits {
  readonly #limits: DhtLimits;
  readonly #exemptLocal: boolean;
  /** The one heard of longest ago first. */
  readonly #sources = new Map<string, Source>();
  readonly #overall: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(limits: DhtLimits, exemptLocal: boolean) {
    this.#limits = limits;
    this.#exemptLocal = exemptLocal;
    this.#overall = new TokenBucket(limits.overall, limits.overallBurst);
    this.#bytes = new TokenBucket(limits.replyBytes, limits.replyBytesBurst);
  }

  /** @param asked it was asked something: what others send must not crowd out its answer */
  mayCome(from: NodeAddress, asked: boolean, now: number): boolean {
    return this.#sourceOf(from).datagrams.take(now) && (asked || this.#overall.take(now));
  }

  mayReply(to: NodeAddress, bytes: number, now: number): boolean {
    return this.#sourceOf(to).bytes.take(now, bytes) && this.#bytes.take(now, bytes);
  }

  #sourceOf(from: NodeAddress): Source {
    const key = this.#keyOf(from);
    const limits = this.#limits;
    let source = this.#sources.get(key);
    if (source === undefined) {
      source = {
        datagrams: new TokenBucket(limits.perSource, limits.perSourceBurst),
        bytes: new TokenBucket(limits.replyBytesPerSource, limits.replyBytesPerSourceBurst),
      };
      if (this.#sources.size >= limits.sources) {
        const [oldest = ''] = this.#sources.keys();
        this.#sources.delete(oldest);
      }
    } else {
      this.#sources.delete(key);
    }
    this.#sources.set(key, source);
    return source;
  }

  /** Many nodes may share a local address: programs of one machine. */
  #keyOf(from: NodeAddress): string {
    if (this.#exemptLocal && isLocal(from.ip)) return endpointKey(from);
    return isIPv4(from.ip) ? from.ip : prefixOf(from.ip, 64);
  }
}
