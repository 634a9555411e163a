/** How soon a player sees the place that it jumps to. The promise is a time, so these tests hold one. */
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LinkServer } from '../../src/index.ts';
import { engineIn, folderOf, linkTo, next } from '../engine/rig.ts';

const MIB = 1_048_576;
const SIZE = 1024 * MIB;
/** What the first byte may take besides the time of one piece, ms. */
const GRACE = 300;
/** Somewhere in a piece and at the edge of one. The median counts: a busy machine may spoil one. */
const PLACES = [512 * MIB + 12_345, 768 * MIB, 256 * MIB + 700_000];
const MARK = Buffer.from('the place that it jumped to');
const PATIENCE = 60_000;

/** A response that is read on and on. */
interface Reading {
  /** ms from the request to the first byte. */
  readonly waited: number;
  readonly head: Buffer;
  readonly count: number;
  stop(): void;
}

test('a jump to the middle of 1 GiB shows its first byte within the time of a piece and 300 ms', async (t) => {
  const here = await folderOf(t);
  const path = join(here, 'film.mp4');
  await writeSparse(path);
  const seed = await engineIn(t, here, { disk: {} });
  const share = await seed.share(path, { pieceLength: MIB, version: 'v1' });
  const link = linkTo(seed, share);

  for (const rate of [4 * MIB, MIB]) {
    const bound = (MIB * 1000) / rate + GRACE;

    await t.test(`in a player that leaves its old place, from a seed of ${rate / MIB} MiB/s`, async (s) => {
      seed.setRates({ up: rate });
      const url = await streamed(s, link);
      let reading = await read(url, 0);
      await jumps(s, bound, async (place) => {
        await flows(reading, MIB);
        // The new request does not wait until the old connection is seen to end.
        const jump = read(url, place);
        reading.stop();
        reading = await jump;
        return reading;
      });
      reading.stop();
    });

    await t.test(`beside a reader that stays at the start, from a seed of ${rate / MIB} MiB/s`, async (s) => {
      seed.setRates({ up: rate });
      const url = await streamed(s, link);
      const other = await read(url, 0);
      await jumps(s, bound, async (place) => {
        await flows(other, MIB);
        const reading = await read(url, place);
        reading.stop();
        return reading;
      });
      other.stop();
    });
  }
});

/** Empty but for a mark at each place. */
async function writeSparse(path: string): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(SIZE);
  for (const place of PLACES) await file.write(MARK, 0, MARK.length, place);
  await file.close();
}

/** Begins to load what the link names and serves it. Resolves with the URL of its file. */
async function streamed(t: TestContext, link: string): Promise<string> {
  const there = await folderOf(t);
  const leech = await engineIn(t, there, { disk: {} });
  const got = await leech.add({ magnet: link }, { content: there, sequential: true });
  while (got.metainfo === undefined) await next(leech, 'metadata');
  await got.opened;
  const server = new LinkServer();
  t.after(() => server.close());
  const base = await server.listen();
  const folder = got.stream();
  assert.ok(folder);
  server.add(got.id, folder);
  return base + server.path(got.id, 0);
}

/** Asks for all from `place` on and resolves with the first bytes; what comes behind them is read and forgotten. */
async function read(url: string, place: number): Promise<Reading> {
  const abort = new AbortController();
  const begun = performance.now();
  const answer = await fetch(url, {
    headers: { range: `bytes=${place}-` },
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(PATIENCE)]),
  });
  assert.equal(answer.status, 206);
  assert.ok(answer.body);
  const chunks = answer.body.getReader();
  const first = await chunks.read();
  const head = Buffer.from(first.value ?? []);
  const reading = { waited: performance.now() - begun, head, count: head.length, stop: () => abort.abort() };
  void (async () => {
    for (let part = await chunks.read(); !part.done; part = await chunks.read()) reading.count += part.value.length;
  })().catch(() => undefined);
  return reading;
}

async function flows(reading: Reading, more: number): Promise<void> {
  const enough = reading.count + more;
  for (const deadline = performance.now() + PATIENCE; reading.count < enough; await delay(20)) {
    assert.ok(performance.now() < deadline, `the reader got ${reading.count} bytes and no more`);
  }
}

async function jumps(t: TestContext, bound: number, jump: (place: number) => Promise<Reading>): Promise<void> {
  const times: number[] = [];
  for (const place of PLACES) {
    const { waited, head } = await jump(place);
    assert.ok(head.subarray(0, MARK.length).equals(MARK), 'other bytes than those of the place');
    times.push(Math.round(waited));
  }
  t.diagnostic(`first bytes after ${times.join(', ')} ms; ${bound} ms are allowed`);
  const median = times.toSorted((a, b) => a - b)[times.length >> 1] ?? Infinity;
  assert.ok(median <= bound, `first bytes came after ${times.join(', ')} ms: ${bound} ms are allowed`);
}
