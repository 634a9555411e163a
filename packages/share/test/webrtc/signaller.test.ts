/** Signallers of several shares of two engines, with a relay between them that keeps back what a test wants to. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { bencode, type Duplex, type tracker } from '@kith/torrent';
import { LOOPBACK_ONLY } from '../../src/index.ts';
import type { RemoteDescription, Signalling } from '../../src/tracker/websocket-tracker.ts';
import type { Attempt } from '../../src/webrtc/attempt.ts';
import { Signaller } from '../../src/webrtc/signaller.ts';
import type { WebRtc, WebRtcOptions } from '../../src/webrtc/webrtc.ts';
import { connectionsOf, pidOf, webrtcIn } from './pair.ts';
import { until } from './rig.ts';

const HASHES = [1, 2, 3].map((byte) => new Uint8Array(20).fill(byte));

interface Place {
  readonly peerId: Uint8Array;
  readonly webrtc: WebRtc;
  /** By info-hash, as a binary string. */
  readonly shares: Map<string, { readonly signalling: Signalling; readonly peers: Duplex[] }>;
  /** Answers that wait to be delivered. */
  readonly answers: RemoteDescription[];
  /** Info-hashes of shares that were told that it is time for offers, as binary strings. */
  readonly lost: string[];
}

function placeIn(t: TestContext, id: string, options: WebRtcOptions = {}): Place {
  const peerId = Buffer.from(id.padEnd(20, '.'));
  const place: Place = { peerId, webrtc: webrtcIn(t, options), shares: new Map(), answers: [], lost: [] };
  for (const infoHash of HASHES) {
    const peers: Duplex[] = [];
    const signaller = new Signaller({
      ...{ webrtc: place.webrtc, infoHash, peerId, filter: LOOPBACK_ONLY },
      wants: (other) => other === undefined || peers.length === 0,
      connected: (duplex) => {
        peers.push(duplex);
        const closed = (): void => void peers.splice(peers.indexOf(duplex), 1);
        duplex.start({ data: () => undefined, drain: () => undefined, closed });
      },
      lost: () => void place.lost.push(bencode.binaryString(infoHash)),
    });
    t.after(() => signaller.close());
    const signalling = signaller.through(({ infoHash: of, offerId }, sdp) => {
      place.answers.push({ infoHash: of, peerId: bencode.binaryString(peerId), offerId, sdp });
    });
    place.shares.set(bencode.binaryString(infoHash), { signalling, peers });
  }
  return place;
}

/** Offers of each share, to be given away one after the other. */
async function offersOf({ peerId, shares }: Place): Promise<RemoteDescription[][]> {
  return Promise.all(
    HASHES.map(async (infoHash) => {
      const request: tracker.AnnounceRequest = {
        ...{ infoHash, peerId, port: 0, uploaded: 0, downloaded: 0, left: 1, key: 0 },
      };
      const offers = (await shares.get(bencode.binaryString(infoHash))?.signalling.offers(request)) ?? [];
      const named = { infoHash: bencode.binaryString(infoHash), peerId: bencode.binaryString(peerId) };
      return offers.map((offer) => ({ ...offer, ...named }));
    }),
  );
}

/** One of each share, all in one turn. Those that come to nothing are followed by others, as trackers bring them. */
function offer(t: TestContext, to: Place, offers: readonly RemoteDescription[][]): void {
  const give = (): void => {
    for (const [next] of offers.map((ofOne) => ofOne.splice(0, 1))) {
      const share = next === undefined ? undefined : to.shares.get(next.infoHash);
      if (next !== undefined && share?.peers.length === 0) share.signalling.offered(next);
    }
  };
  give();
  const timer = setInterval(give, 5_000);
  t.after(() => clearInterval(timer));
}

/** Delivers what waits, and what follows. */
function deliver(t: TestContext, from: Place, to: Place): void {
  const timer = setInterval(() => {
    for (const answer of from.answers.splice(0)) to.shares.get(answer.infoHash)?.signalling.answered(answer);
  }, 5);
  t.after(() => clearInterval(timer));
}

async function allMeet(places: readonly Place[], connections: number, patience?: number): Promise<void> {
  await until(
    () =>
      places.every(({ webrtc, shares }) => {
        const all = [...shares.values()].every(({ peers }) => peers.length > 0);
        return all && connectionsOf(webrtc) === connections;
      }),
    () =>
      places
        .map(({ webrtc, shares }) =>
          told(
            webrtc,
            [...shares.values()].map(({ peers }) => peers.length),
          ),
        )
        .join(),
    patience,
  );
}

function told(webrtc: WebRtc, peers: readonly number[]): string {
  return `${connectionsOf(webrtc)} connections for ${peers.join(', ')} peers`;
}

test('offers of one kith to several shares that come at once make one connection', async (t) => {
  const [a, b] = [placeIn(t, '-KI0100-a'), placeIn(t, '-KI0100-b')];
  offer(t, b, await offersOf(a));
  deliver(t, b, a);
  await allMeet([a, b], 1);
});

for (const [one, other] of [
  ['-KI0100-a', '-KI0100-b'],
  ['-KI0100-b', '-KI0100-a'],
] as const) {
  test(`offers that cross make one connection, between ${one} and ${other}`, async (t) => {
    const [a, b] = [placeIn(t, one), placeIn(t, other)];
    const [ofA, ofB] = [await offersOf(a), await offersOf(b)];
    offer(t, b, ofA);
    // Not of the same share: each side answers for another one than it hears of.
    offer(t, a, ofB.toReversed());
    await until(
      () => a.answers.length > 0 && b.answers.length > 0,
      () => `${a.answers.length} and ${b.answers.length} answers`,
    );
    deliver(t, a, b);
    deliver(t, b, a);
    await allMeet([a, b], 1);
  });
}

test('who is no kith gets a connection for each share', async (t) => {
  // Each of them takes the other for one.
  const [a, b] = [placeIn(t, '-WW0100-a'), placeIn(t, '-WW0100-b')];
  offer(t, b, await offersOf(a));
  deliver(t, b, a);
  await allMeet([a, b], HASHES.length);
});

test(
  'offers whose first answer is lost are answered for another share, whose connection serves all',
  { timeout: 60_000 },
  async (t) => {
    const [a, b] = [placeIn(t, '-KI0100-a'), placeIn(t, '-KI0100-b')];
    const offers = await offersOf(a);
    for (const [only] of offers) if (only !== undefined) b.shares.get(only.infoHash)?.signalling.offered(only);
    await until(
      () => b.answers.length > 0,
      () => 'an answer',
    );
    const lost = b.answers.splice(0);
    assert.equal(lost.length, 1);
    deliver(t, b, a);
    await allMeet([a, b], 1, 40_000);
  },
);

test('after a crash all shares come together again on one connection', async (t) => {
  const [a, b] = [placeIn(t, '-KI0100-a'), placeIn(t, '-KI0100-b')];
  deliver(t, b, a);
  offer(t, b, await offersOf(a));
  await allMeet([a, b], 1);
  const pid = pidOf(a.webrtc);
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGKILL');
  const peers = (): Duplex[] => [a, b].flatMap(({ shares }) => [...shares.values()].flatMap((share) => share.peers));
  await until(
    () => peers().length === 0 && a.webrtc.state.state === 'idle',
    () => `${peers().length} connections`,
    60_000,
  );
  offer(t, b, await offersOf(a));
  await allMeet([a, b], 1);
});

test('an answer that leads nowhere makes it time for new offers, long before the next announce', async (t) => {
  const a = placeIn(t, '-KI0100-a', { answerPatience: 500 });
  const b = placeIn(t, '-KI0100-b');
  offer(t, b, (await offersOf(a)).slice(0, 1));
  await until(
    () => b.answers.length > 0,
    () => 'an answer',
  );
  const pid = pidOf(b.webrtc);
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGKILL');
  assert.deepEqual(a.lost, []);
  deliver(t, b, a);
  await until(
    () => a.lost.length === 1,
    () => `${a.lost.length} times`,
    5_000,
  );
});

test('where the connection that would serve ends at that moment, another way is taken or looked for', async (t) => {
  const [a, b] = [placeIn(t, '-KI0100-a'), webrtcIn(t)];
  const peerId = '-KI0100-b'.padEnd(20, '.');
  const answer = async ([offered]: readonly RemoteDescription[] = []): Promise<Attempt> => {
    assert.ok(offered);
    const attempt = await b.accept(offered.sdp, LOOPBACK_ONLY);
    answers.push(() => a.shares.get(offered.infoHash)?.signalling.answered({ ...offered, peerId, sdp: attempt.sdp }));
    return attempt;
  };
  const answers: (() => void)[] = [];
  const offers = await offersOf(a);
  const [one, two] = [await answer(offers[0]), await answer(offers[1])];
  answers[0]?.();
  const first = await one.opened;
  await until(
    () => connectionsOf(a.webrtc) === 1,
    () => 'a connection',
  );
  // The other side does not know of it yet, and opens a channel on it.
  first.close('done');
  answers[1]?.();
  // Nobody may be told that there is nothing more to come: the answer is taken after all, or it is time for new offers.
  two.opened.catch(() => undefined);
  const [, [hash, share] = ['', undefined]] = [...a.shares];
  await until(
    () => share?.peers.length === 1 || a.lost.includes(hash),
    () => `${share?.peers.length} peers`,
    30_000,
  );
});

test('a share that was closed takes no more channels', async (t) => {
  const [a, b] = [placeIn(t, '-KI0100-a'), placeIn(t, '-KI0100-b')];
  const offers = await offersOf(a);
  const sdp = offers[0]?.[0]?.sdp ?? '';
  offer(t, b, offers.slice(0, 1));
  deliver(t, b, a);
  await until(
    () => connectionsOf(a.webrtc) === 1 && connectionsOf(b.webrtc) === 1,
    () => 'a connection',
  );
  const infoHash = randomBytes(20);
  const peers: Duplex[] = [];
  const signaller = new Signaller({
    ...{ webrtc: a.webrtc, infoHash, peerId: a.peerId, filter: LOOPBACK_ONLY },
    ...{ wants: () => true, connected: (duplex: Duplex) => peers.push(duplex), lost: () => undefined },
  });
  const label = `kith:${infoHash.toString('hex')}`;
  const open = await b.webrtc.join(sdp, label, LOOPBACK_ONLY);
  assert.ok(open);
  await until(
    () => peers.length === 1,
    () => 'a channel',
  );
  signaller.close();
  const late = await b.webrtc.join(sdp, label, LOOPBACK_ONLY);
  let reason: string | undefined;
  late?.start({ data: () => undefined, drain: () => undefined, closed: (why) => (reason = why) });
  await until(
    () => reason !== undefined,
    () => 'the end of it',
  );
  assert.equal(peers.length, 1);
});
