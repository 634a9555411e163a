import { createHash } from 'node:crypto';
import {
  MemoryDuplex,
  PeerWire,
  portableDiffieHellman,
  torrentKey,
  type Encryption,
  type EncryptionPolicy,
  type Handshake,
  type Hashes,
  type WireLimits,
} from '@kith/torrent';
import { Recorder } from './recorder.ts';

export const hashes: Hashes = {
  sha1: (data) => createHash('sha1').update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
};

/** Bytes that look random and are the same each time (SHA-256 in counter mode over the seed). */
export function seededRandom(seed: number): (length: number) => Uint8Array {
  let counter = 0;
  return (length) => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = hashes.sha256(Buffer.from(`${seed}/${counter++}`));
      out.set(block.subarray(0, Math.min(32, length - at)), at);
    }
    return out;
  };
}

export function encryption(policy: EncryptionPolicy, seed = 1): Encryption {
  const random = seededRandom(seed);
  return { policy, random, hashes, diffieHellman: portableDiffieHellman(random) };
}

export const HANDSHAKE: Handshake = {
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: Uint8Array.from(Buffer.from('-KI0001-abcdefghijkl')),
  extensions: true,
  fast: true,
  dht: true,
  v2: false,
};

export interface RigOptions {
  /** Of the dialing and of the accepting side; absent: no encryption at all. */
  readonly policies?: readonly [EncryptionPolicy, EncryptionPolicy];
  readonly cut?: (available: number) => number;
  readonly limits?: Partial<WireLimits>;
  readonly seed?: number;
  /** What the accepting side says. */
  readonly answer?: Handshake;
  /** Gets a copy of all that is written, both ways; what it changes is what arrives. */
  readonly tap?: (bytes: Uint8Array) => void;
}

/** Two wires, what they hear, and what is between them. */
export class Rig {
  readonly dialed: PeerWire;
  readonly accepted: PeerWire;
  readonly left: Recorder = new Recorder();
  readonly right: Recorder = new Recorder();
  /** Why the accepting side ended before it knew the torrent. */
  refused: string | undefined;
  readonly #pair: readonly [MemoryDuplex, MemoryDuplex];

  constructor({ policies, cut, limits = {}, seed = 1, answer = HANDSHAKE, tap }: RigOptions = {}) {
    this.#pair = MemoryDuplex.pair(cut === undefined ? {} : { cut });
    for (const end of tap === undefined ? [] : this.#pair) {
      const write = end.write.bind(end);
      end.write = (chunks) => {
        const copies = chunks.map((chunk) => chunk.slice());
        for (const copy of copies) tap?.(copy);
        write(copies);
      };
    }
    const of = (side: 0 | 1) =>
      policies === undefined ? { limits } : { limits, encryption: encryption(policies[side], seed + side) };
    this.accepted = PeerWire.accepted(
      this.#pair[1],
      {
        findTorrent: (key) =>
          Buffer.compare(key, torrentKey(hashes, HANDSHAKE.infoHash)) === 0 ? HANDSHAKE.infoHash : undefined,
        attach: (_wire, { infoHash }) =>
          Buffer.compare(infoHash, HANDSHAKE.infoHash) === 0 ? { handler: this.right, handshake: answer } : undefined,
        closed: (_wire, reason) => (this.refused = reason),
      },
      of(1),
    );
    this.dialed = PeerWire.dialed(this.#pair[0], this.left, { handshake: HANDSHAKE, ...of(0) });
  }

  settle(now = 1): void {
    if (!MemoryDuplex.settle(this.#pair, now)) throw new Error('the two never come to an end');
  }
}
