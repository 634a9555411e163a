import type { ExtensionMessage, HashRange, WireHandler } from '@kith/torrent';

/** A handler that writes down what it hears, with copies of all bytes. */
export class Recorder implements WireHandler {
  readonly heard: unknown[][] = [];
  /** Blocks that came whole. */
  readonly blocks: Uint8Array[] = [];
  #slab: Uint8Array = new Uint8Array(0);
  settledCount = 0;
  drainCount = 0;

  handshake(...[handshake]: Parameters<WireHandler['handshake']>): void {
    this.heard.push(['handshake', handshake]);
  }
  choke(): void {
    this.heard.push(['choke']);
  }
  unchoke(): void {
    this.heard.push(['unchoke']);
  }
  interested(): void {
    this.heard.push(['interested']);
  }
  notInterested(): void {
    this.heard.push(['notInterested']);
  }
  have(piece: number): void {
    this.heard.push(['have', piece]);
  }
  bitfield(bits: Uint8Array): void {
    this.heard.push(['bitfield', bits.slice()]);
  }
  haveAll(): void {
    this.heard.push(['haveAll']);
  }
  haveNone(): void {
    this.heard.push(['haveNone']);
  }
  request(piece: number, begin: number, length: number): void {
    this.heard.push(['request', piece, begin, length]);
  }
  cancel(piece: number, begin: number, length: number): void {
    this.heard.push(['cancel', piece, begin, length]);
  }
  reject(piece: number, begin: number, length: number): void {
    this.heard.push(['reject', piece, begin, length]);
  }
  suggest(piece: number): void {
    this.heard.push(['suggest', piece]);
  }
  allowedFast(piece: number): void {
    this.heard.push(['allowedFast', piece]);
  }
  port(port: number): void {
    this.heard.push(['port', port]);
  }
  blockStart(_piece: number, _begin: number, length: number): Uint8Array | undefined {
    this.#slab = new Uint8Array(length);
    return this.#slab;
  }
  block(piece: number, begin: number, length: number): void {
    this.heard.push(['block', piece, begin, length]);
    this.blocks.push(this.#slab);
  }
  extension(message: ExtensionMessage): void {
    this.heard.push(['extension', structuredClone(message)]);
  }
  hashRequest(range: HashRange): void {
    this.heard.push(['hashRequest', range]);
  }
  hashes(range: HashRange, hashes: Uint8Array): void {
    this.heard.push(['hashes', range, hashes.slice()]);
  }
  hashReject(range: HashRange): void {
    this.heard.push(['hashReject', range]);
  }
  settled(): void {
    this.settledCount++;
  }
  drain(): void {
    this.drainCount++;
  }
  closed(reason: string): void {
    this.heard.push(['closed', reason]);
  }
}
