import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toHex } from '@kith/core';
import { createTorrent, nodeHashes, type CreateOptions } from '@kith/share';
import { formatMagnet, magnetOf, parseMagnet, parseTorrent, type Metainfo } from '@kith/torrent';

const SCRIPT = fileURLToPath(new URL('metainfo.py', import.meta.url));
const DEADLINE = 60_000;

interface Seen {
  readonly v1: string | null;
  readonly v2: string | null;
  readonly name: string;
  readonly pieces: number;
  readonly pieceLength: number;
  readonly files: readonly {
    readonly path: string;
    readonly length: number;
    readonly offset: number;
    readonly padding: boolean;
    readonly executable: boolean;
    readonly symlink: string | null;
    readonly root: string | null;
  }[];
  readonly trackers: readonly (readonly [string, number])[];
  readonly seeds: readonly string[];
  readonly private: boolean;
  readonly comment: string;
}

let folder = '';

/** Debian's Python, as its libtorrent is for that one only. */
function libtorrent(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [SCRIPT, ...args], {
    encoding: 'utf8',
    timeout: DEADLINE,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kith-metainfo-'));
  const content = join(folder, 'content');
  mkdirSync(join(content, 'sub', 'deep'), { recursive: true });
  const bytes = (length: number, seed: number): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => (i * seed + (i >>> 9) * 7) & 0xff);
  writeFileSync(join(content, 'a'), bytes(20_000, 3));
  writeFileSync(join(content, 'empty'), '');
  writeFileSync(join(content, 'exact'), bytes(65_536, 5));
  writeFileSync(join(content, 'run.sh'), bytes(5, 7));
  chmodSync(join(content, 'run.sh'), 0o755);
  writeFileSync(join(content, 'sub', 'big \u00fc'), bytes(3_000_001, 11));
  writeFileSync(join(content, 'sub', 'deep', 'one'), bytes(16_385, 13));
  symlinkSync('run.sh', join(content, 'way'));
  mkdirSync(join(folder, 'theirs'));
  mkdirSync(join(folder, 'single'));
  mkdirSync(join(folder, 'ours'));
});

after(() => rmSync(folder, { recursive: true }));

type Line = Omit<Seen['files'][number], 'offset'> & { readonly offset: number | undefined };

/** Without padding: libtorrent shows it where it would put it, not where the torrent has it. */
function theirView(seen: Seen): Line[] {
  return seen.files
    .filter((file) => !file.padding)
    .map((file) => ({
      ...file,
      offset: file.length === 0 ? undefined : file.offset,
      // It takes the rights of the link for those of a program.
      executable: file.symlink === null && file.executable,
    }));
}

function ourView(metainfo: Metainfo): Line[] {
  return metainfo.files
    .filter((file) => !file.padding)
    .map((file) => ({
      path: file.path.join('/'),
      length: file.length,
      offset: file.length === 0 ? undefined : file.offset,
      padding: file.padding,
      executable: file.symlink === undefined && file.executable,
      symlink: file.symlink === undefined ? null : file.symlink.join('/'),
      root: file.piecesRoot === undefined ? null : toHex(file.piecesRoot),
    }));
}

function agree(metainfo: Metainfo, seen: Seen): void {
  assert.equal(metainfo.infoHash === undefined ? null : toHex(metainfo.infoHash), seen.v1);
  assert.equal(metainfo.infoHashV2 === undefined ? null : toHex(metainfo.infoHashV2), seen.v2);
  assert.deepEqual(
    [metainfo.name, metainfo.pieceCount, metainfo.pieceLength, metainfo.private, metainfo.comment ?? ''],
    [seen.name, seen.pieces, seen.pieceLength, seen.private, seen.comment],
  );
  assert.deepEqual(ourView(metainfo), theirView(seen));
  // It shuffles what is in one tier, as BEP 12 says a client does.
  const trackers = metainfo.trackers.flatMap((tier, i) => tier.map((url) => `${i} ${url}`));
  assert.deepEqual(new Set(trackers), new Set(seen.trackers.map(([url, tier]) => `${tier} ${url}`)));
  assert.deepEqual(metainfo.webSeeds, seen.seeds);
}

test('torrents that libtorrent makes of each kind are read as it reads them itself', () => {
  libtorrent('create', folder, 'content', join(folder, 'theirs'));
  const kinds = ['v1', 'v2', 'hybrid', 'hybrid-no-tail', 'v1-canonical', 'hybrid-links'];
  const files = kinds.map((kind) => join(folder, 'theirs', `${kind}.torrent`));
  const seen: Seen[] = JSON.parse(libtorrent('read', ...files));
  for (const [i, path] of files.entries()) {
    const metainfo = parseTorrent(readFileSync(path), nodeHashes, { source: path });
    assert.equal(metainfo.version, kinds[i]?.slice(0, metainfo.version.length));
    agree(metainfo, seen[i] as Seen);
  }
});

test('torrents made here are read by libtorrent with the same hashes, files and layers', async () => {
  const options: CreateOptions = {
    pieceLength: 32_768,
    trackers: [['http://tracker.example/announce', 'http://b.example/announce'], ['udp://tracker.example:1']],
    webSeeds: ['http://seed.example/'],
    comment: 'a comment',
    private: true,
  };
  for (const version of ['v1', 'v2', 'hybrid'] as const) {
    for (const path of [join(folder, 'content'), join(folder, 'content', 'sub', 'big \u00fc')]) {
      const { torrent, metainfo } = await createTorrent(path, { ...options, version });
      const file = join(folder, 'ours', 'made.torrent');
      writeFileSync(file, torrent);
      const [seen]: Seen[] = JSON.parse(libtorrent('read', file));
      agree(metainfo, seen as Seen);
    }
  }
});

test('the same content gives the info-hash that libtorrent gives it', async () => {
  libtorrent('create', join(folder, 'content'), 'run.sh', join(folder, 'single'));
  const table = [
    ['content', 'theirs', 'v2'],
    ['content', 'theirs', 'hybrid-no-tail'],
    ['content/run.sh', 'single', 'v1'],
    ['content/run.sh', 'single', 'v2'],
    ['content/run.sh', 'single', 'hybrid-no-tail'],
  ] as const;
  for (const [path, made, kind] of table) {
    const theirs = parseTorrent(readFileSync(join(folder, made, `${kind}.torrent`)), nodeHashes);
    const options: CreateOptions = {
      version: theirs.version,
      links: 'follow',
      pieceLength: 32_768,
      private: theirs.private,
    };
    const ours = (await createTorrent(join(folder, path), options)).metainfo;
    const ids = ({ infoHash, infoHashV2 }: Metainfo) =>
      [infoHash ?? null, infoHashV2 ?? null].map((id) => id && toHex(id));
    assert.deepEqual(ids(ours), ids(theirs), `${path} ${kind}`);
  }
});

test('magnets written here mean the same to libtorrent', async () => {
  const { metainfo } = await createTorrent(join(folder, 'content'), {
    trackers: [['http://t.example/announce?a=b&c=d']],
    webSeeds: ['http://seed.example/x y'],
  });
  const magnet = {
    ...magnetOf(metainfo),
    peers: [
      { host: '192.0.2.1', port: 1 },
      { host: '2001:db8::1', port: 2 },
    ],
  };
  const link = formatMagnet(magnet);
  const [seen] = JSON.parse(libtorrent('magnets', link));
  const read = parseMagnet(link);
  assert.deepEqual(seen, {
    v1: toHex(read.infoHash ?? new Uint8Array()),
    v2: toHex(read.infoHashV2 ?? new Uint8Array()),
    name: read.name,
    trackers: read.trackers.flat(),
    peers: read.peers.map(({ host, port }) => [host, port]),
    seeds: read.webSeeds,
  });
});
