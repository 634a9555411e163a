/**
 * What the logic of a swarm costs per block, without sockets, disks and hashes: two sessions, a seed and a leecher,
 * exchange 1 GiB through memory. `node --conditions=source packages/torrent/bench/picker.ts [MiB]`; with `--cpu-prof` it
 * shows where. The copy from the read to the piece is in it (about 0.1 s per GiB), because it is made there.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  Bits,
  BLOCK,
  Session,
  type CommitResult,
  type Duplex,
  type DuplexHandler,
  type Hashes,
  type Metainfo,
  type PieceBuffer,
  type PieceStore,
} from '@kith/torrent';

const MIB = 1_048_576;
const READ = 65_536;
const hashes: Hashes = {
  sha1: (data) => createHash('sha1').update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
};

/** Takes everything for right, and gives the same bytes for every block. */
class NullStore implements PieceStore {
  onRoom: (() => void) | undefined = undefined;
  readonly #length: number;
  readonly #spare: Uint8Array[] = [];
  readonly #block = new Uint8Array(BLOCK);

  constructor(pieceLength: number) {
    this.#length = pieceLength;
  }

  acquire(piece: number): PieceBuffer {
    return { piece, bytes: this.#spare.pop() ?? new Uint8Array(this.#length) };
  }

  release(buffer: PieceBuffer): void {
    this.#spare.push(buffer.bytes);
  }

  commit(buffer: PieceBuffer): Promise<CommitResult> {
    this.release(buffer);
    return Promise.resolve({ ok: true });
  }

  read(_piece: number, _begin: number, length: number): Uint8Array {
    return length === BLOCK ? this.#block : this.#block.subarray(0, length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** One end in memory; reads take 64 KiB from a buffer of their own, as from a socket. */
class Pipe implements Duplex {
  readonly kind = 'memory';
  readonly remote: { ip: string; port: number };
  readonly incoming: boolean;
  other!: Pipe;
  pending = 0;
  #handler: DuplexHandler | undefined;
  #in: Uint8Array[] = [];
  readonly #buffer = new Uint8Array(READ);

  constructor(ip: string, incoming: boolean) {
    this.remote = { ip, port: 1 };
    this.incoming = incoming;
  }

  start(handler: DuplexHandler): void {
    this.#handler = handler;
  }

  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.other.#in.push(chunk);
      this.pending += chunk.length;
    }
  }

  pause(): void {}
  resume(): void {}
  close(): void {}

  /** One read. The time that the copy into the read buffer takes is not the swarm's. */
  deliver(now: number, copying: { time: number }): boolean {
    if (this.#in.length === 0) return false;
    const begin = performance.now();
    let at = 0;
    let taken = 0;
    for (; taken < this.#in.length; taken++) {
      const chunk = this.#in[taken] as Uint8Array;
      const room = READ - at;
      if (room === 0) break;
      this.#buffer.set(chunk.length <= room ? chunk : chunk.subarray(0, room), at);
      at += Math.min(room, chunk.length);
      if (chunk.length > room) {
        this.#in[taken] = chunk.subarray(room);
        break;
      }
    }
    this.#in.splice(0, taken);
    this.other.pending -= at;
    copying.time += performance.now() - begin;
    this.#handler?.data(at === READ ? this.#buffer : this.#buffer.subarray(0, at), now);
    if (this.other.pending < READ) this.other.#handler?.drain(now);
    return true;
  }
}

function metainfo(length: number, pieceLength: number): Metainfo {
  return {
    version: 'v1',
    infoHash: randomBytes(20),
    name: 'bench',
    private: false,
    files: [{ path: ['bench'], length, offset: 0, padding: false, executable: false, hidden: false }],
    pieces: new Uint8Array((length / pieceLength) * 20),
    pieceLayers: new Map(),
    trackers: [],
    webSeeds: [],
    info: new Uint8Array(100),
    pieceLength,
    pieceCount: length / pieceLength,
    length,
    pieceSize: () => pieceLength,
  };
}

async function exchange(length: number, pieceLength: number): Promise<void> {
  const torrent = metainfo(length, pieceLength);
  const make = (): Session => new Session({ hashes, random: randomBytes, peerId: randomBytes(20) }, 0);
  const [a, b] = [make(), make()];
  const store = new NullStore(pieceLength);
  a.add({ metainfo: torrent, store, have: Bits.full(torrent.pieceCount) }, 0);
  const taken = b.add({ metainfo: torrent, store: new NullStore(pieceLength) }, 0);
  const [here, there] = [new Pipe('10.0.0.1', false), new Pipe('10.0.0.2', true)];
  here.other = there;
  there.other = here;
  a.accept(there, 0);
  b.connected(here, taken, 0);
  const cpu = process.cpuUsage();
  const copying = { time: 0 };
  let now = 0;
  while (taken.state !== 'seeding') {
    now += 0.2;
    if (a.nextWake() <= now) a.tick(now);
    if (b.nextWake() <= now) b.tick(now);
    const moved = there.deliver(now, copying);
    // Reads of the leecher are the many; the seed's come between them.
    for (let i = 0; i < 4; i++) here.deliver(now, copying);
    await Promise.resolve();
    if (!moved && taken.state === 'error') throw taken.error;
  }
  const used = process.cpuUsage(cpu);
  const seconds = (used.user + used.system) / 1e6 - copying.time / 1000;
  const blocks = length / BLOCK;
  console.log(
    `${length / MIB} MiB in pieces of ${pieceLength / 1024} KiB: ${seconds.toFixed(3)} CPU s for both sides, ` +
      `${((seconds * 1e6) / blocks).toFixed(2)} µs per block`,
  );
}

const mib = Number(process.argv[2] ?? 1024);
await exchange(64 * MIB, MIB);
await exchange(mib * MIB, MIB);
await exchange(mib * MIB, 16_384);
