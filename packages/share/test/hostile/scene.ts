/** kith in a process of its own, an honest peer at its other side, and a look at what it all costs while strangers try. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RunningKith, Report } from '../interop/swarm/kith.ts';
import { type Change, DEADLINE, Place } from '../interop/swarm/place.ts';

const SIZE = 8 * 1_048_576;
/** Bytes per second of the honest side: strangers have a few seconds. */
const RATE = 2_500_000;
const DISK = { memory: 16 * 1_048_576, cache: 16 * 1_048_576 };
/**
 * What strangers may cost beside what the process has when it is ready to begin: pieces in flight and cached (2 × 16 MiB
 * here), 4 MiB of answers that wait for each of 16 connections from one address at the very most, and what V8 takes for
 * garbage before it collects.
 */
const MOST_GROWTH = 112 * 1_048_576;

export interface Scene {
  readonly place: Place;
  /** The one that is attacked. */
  readonly kith: RunningKith;
  readonly port: number;
  readonly content: Buffer;
  report(): Promise<Report>;
  /** The other one comes. */
  honest(): Promise<void>;
  /** That the honest side finished and the memory of the attacked one stayed within its bounds. */
  end(): Promise<Report>;
}

/** kith wants the content; who has it connects when `honest` is called. @param link whether it knows the hash alone */
export async function leeching(t: TestContext, change: Change = {}, link = false): Promise<Scene> {
  const place = await Place.make(t, { files: { 'film.bin': SIZE } });
  const port = await place.port();
  const torrent = link ? { magnet: place.magnet } : { file: place.torrent };
  const kith = await place.kithLeech(port, { torrent, disk: DISK, ...change });
  return scene(t, place, kith, port, {
    start: async () => place.kithSeed(await place.port(), { upLimit: RATE, peers: [port] }),
    loads: () => kith,
  });
}

/** kith has the content; who wants it connects when `honest` is called. */
export async function seeding(t: TestContext): Promise<Scene> {
  const place = await Place.make(t, { files: { 'film.bin': SIZE } });
  const port = await place.port();
  const kith = await place.kithSeed(port, { disk: DISK });
  return scene(t, place, kith, port, {
    start: async () => place.kithLeech(await place.port(), { downLimit: RATE, peers: [port] }),
    loads: (other) => other,
  });
}

async function scene(
  t: TestContext,
  place: Place,
  kith: RunningKith,
  port: number,
  honest: {
    start(): Promise<RunningKith>;
    /** Which of the two gets the content. */
    loads(other: RunningKith): RunningKith;
  },
): Promise<Scene> {
  let other: RunningKith | undefined;
  const report = (): Promise<Report> => kith.report();
  const before = (await report()).memory.rss;
  return {
    ...{ place, kith, port, report },
    content: readFileSync(join(place.seeded, 'film.bin')),
    honest: async () => {
      other = await honest.start();
    },
    end: async () => {
      assert.ok(other !== undefined);
      await honest.loads(other).finished(DEADLINE);
      place.assertWhole('kith leech');
      const growth = kith.usage().peakRss - before;
      const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;
      t.diagnostic(`grew by ${mib(growth)} beyond ${mib(before)}, may by ${mib(MOST_GROWTH)}`);
      assert.ok(growth < MOST_GROWTH, `it grew by ${mib(growth)}`);
      return report();
    },
  };
}
