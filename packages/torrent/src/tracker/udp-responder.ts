/**
 * The UDP tracker (BEP 15), the server's half: packet in, packet out, no allocation between. An announce or scrape is looked
 * at only when its connection id was given to the address it comes from, and no answer to an unproved address is longer than
 * its question, so there is nothing to amplify. The address in the packet is never believed.
 */
import type { ConnectionIds } from './connection-ids.ts';
import { NONE } from './hash-index.ts';
import { REFUSALS, setAddress, type TrackerService } from './service.ts';
import { ACTION, AT, eventOf, isConnect, LENGTH, MOST_SCRAPED, read32, write32 } from './udp-codec.ts';

/** Fits into the smallest MTU of IPv6 with its headers (RFC 8200 section 5). */
export const MOST_ANSWER = 1_232;
const WRONG_ID = 'wrong connection id: connect again';

export class UdpResponder {
  readonly #service: TrackerService;
  readonly #ids: ConnectionIds;
  readonly #forbids: ((source: Uint8Array) => boolean) | undefined;

  /** `forbids` is asked about every announce's address (4 or 16 bytes); true leaves it without an answer. */
  constructor(service: TrackerService, ids: ConnectionIds, forbids?: (source: Uint8Array) => boolean) {
    this.#service = service;
    this.#ids = ids;
    this.#forbids = forbids;
  }

  /**
   * `source` has 4 or 16 bytes, `out` at least {@link MOST_ANSWER}.
   * @returns length of the answer in `out`, 0 for none
   */
  respond(packet: Uint8Array, source: Uint8Array, now: number, out: Uint8Array): number {
    const { counts } = this.#service;
    if (packet.length < LENGTH.connect) {
      counts.malformed++;
      return 0;
    }
    write32(out, 4, read32(packet, 12));
    if (isConnect(packet)) {
      counts.udpConnects++;
      write32(out, 0, ACTION.connect);
      this.#ids.issue(source, now, out, 8);
      return LENGTH.connect;
    }
    if (!this.#ids.check(source, now, packet, 0)) {
      counts.udpForged++;
      // Shorter than any announce. A packet that is not longer than this gets nothing.
      return packet.length < LENGTH.announce ? 0 : error(out, WRONG_ID);
    }
    const action = read32(packet, 8);
    if (action === ACTION.announce && packet.length >= LENGTH.announce) return this.#announce(packet, source, now, out);
    if (action === ACTION.scrape) return this.#scrape(packet, out);
    counts.malformed++;
    return error(out, action === ACTION.announce ? 'the announce is too short' : 'unknown action');
  }

  #announce(packet: Uint8Array, source: Uint8Array, now: number, out: Uint8Array): number {
    const service = this.#service;
    const { visit, swarms } = service;
    service.counts.udpAnnounces++;
    if (this.#forbids?.(source) === true) return 0;
    setAddress(visit, source);
    for (let i = 0; i < 20; i++) visit.infoHash[i] = packet[AT.hash + i] as number;
    visit.seed = read32(packet, AT.left) === 0 && read32(packet, AT.left + 4) === 0;
    visit.event = eventOf(read32(packet, AT.event));
    visit.port = ((packet[AT.port] as number) << 8) | (packet[AT.port + 1] as number);
    const outcome = service.announce(now);
    if (outcome === 'refused' || outcome === 'full') return error(out, REFUSALS[outcome]);
    write32(out, 0, ACTION.announce);
    write32(out, 8, service.interval);
    write32(out, 12, visit.swarm === NONE ? 0 : swarms.leechers(visit.swarm));
    write32(out, 16, visit.swarm === NONE ? 0 : swarms.seeds(visit.swarm));
    const family = source.length === 4 ? 'ipv4' : 'ipv6';
    // Over IPv6 peers have 18 bytes, also for one whose address turned out to be IPv4 inside: then there are none to give.
    const table = swarms.table(family);
    const width = family === 'ipv4' ? 6 : 18;
    const fit = Math.floor((MOST_ANSWER - LENGTH.answerHead) / width);
    // -1 as an unsigned number: the client leaves it to the tracker.
    const asked = read32(packet, AT.wanted) | 0;
    const count = service.draw(family, Math.min(service.wantedOf(asked), fit));
    let end: number = LENGTH.answerHead;
    for (let i = 0; i < count; i++) end = table.write(service.drawn[i] as number, out, end);
    return end;
  }

  #scrape(packet: Uint8Array, out: Uint8Array): number {
    const { swarms, counts } = this.#service;
    counts.udpScrapes++;
    const asked = Math.min(Math.floor((packet.length - LENGTH.connect) / 20), MOST_SCRAPED);
    write32(out, 0, ACTION.scrape);
    let end: number = LENGTH.scrapeHead;
    for (let i = 0; i < asked; i++) {
      const swarm = swarms.find(packet, LENGTH.connect + 20 * i);
      write32(out, end, swarm === NONE ? 0 : swarms.seeds(swarm));
      write32(out, end + 4, swarm === NONE ? 0 : swarms.completed(swarm));
      write32(out, end + 8, swarm === NONE ? 0 : swarms.leechers(swarm));
      end += LENGTH.scrapeEntry;
    }
    return end;
  }
}

function error(out: Uint8Array, reason: string): number {
  write32(out, 0, ACTION.error);
  for (let i = 0; i < reason.length; i++) out[8 + i] = reason.charCodeAt(i);
  return 8 + reason.length;
}
