/**
 * An hour of mixed traffic in minutes: members carry streams, datagrams and pings while sessions are renewed every few
 * seconds, peers taken away and set again, ways switched between two cables and a relay, and interfaces set down and up.
 * All of it follows from a seed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { MEMBERS, hostOf, peerOf, Stage, WAYS, type WayKind } from './stage.ts';
import { failuresOf, growthOf, type Outage, type Sample } from './verdict.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Defects to put in, to see that they are found. */
  readonly spoil?: readonly Defect[];
  /** Told what happens, a line each. */
  readonly tell?: (line: string) => void;
}

export const DEFECTS = ['memory', 'session', 'byte'] as const;
export type Defect = (typeof DEFECTS)[number];

export interface SoakResult {
  /** Everything that is wrong, in words; nothing where it passed. */
  readonly failures: readonly string[];
  /** What was carried and done, in words. */
  readonly summary: readonly string[];
}

/** Bytes per second and stream; there are two for each pair. */
const RATE = 3_000_000;
const STEP_MS = 250;
const GHOSTS_PER_STEP = 100;
const SAMPLE_EVERY_MS = 1000;
/** An outage is over when sessions and routes are back; ms. */
const SETTLE_MS = 2500;
/** Wait of a stream for its end; TCP may have backed off during the last outage. */
const FINISH_MS = 60_000;
const LAST_PINGS = 8;

/** Mulberry32. */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) % limit;
  };
}

class Soak {
  readonly #options: SoakOptions;
  readonly #stage: Stage = new Stage();
  readonly #below: (limit: number) => number;
  readonly #outages: Outage[] = [];
  readonly #lost: { peer: number; at: number }[][] = MEMBERS.map(() => []);
  readonly #samples: Sample[][] = MEMBERS.map(() => []);
  /** By member: its clock when the soak began. */
  readonly #begins: number[] = [];
  readonly #done = { rekeys: 0, switches: 0, removals: 0, downs: 0 };
  #began = 0;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#below = randomFrom(options.seed);
  }

  async run(): Promise<SoakResult> {
    try {
      await this.#stage.up(this.#options.seed, RATE);
      await this.#begin();
      await this.#live();
      return await this.#end();
    } finally {
      await this.#stage.down();
    }
  }

  #now(): number {
    return performance.now() - this.#began;
  }

  async #begin(): Promise<void> {
    for (const member of MEMBERS) {
      for (const other of this.#others(member)) await this.#stage.addPeer(member, other, 'first');
    }
    this.#began = performance.now();
    for (const member of MEMBERS) this.#begins.push(await this.#stage.tell(member, { do: 'haunt', ghosts: 0 }));
    this.#outages.push({ members: MEMBERS, from: -1000, to: SETTLE_MS });
    for (const member of MEMBERS) await this.#stage.traffic(member, { do: 'start' });
    this.#stage.startPings(this.#options.seconds);
  }

  async #live(): Promise<void> {
    const endMs = this.#options.seconds * 1000;
    let sampled = Number.NEGATIVE_INFINITY;
    // The last moments are quiet, so that nothing of the end is excused by an outage.
    const quietFrom = endMs - Math.min(8000, endMs / 4);
    let spoilt = false;
    while (this.#now() < endMs) {
      const began = this.#now();
      for (const member of MEMBERS) await this.#stage.tell(member, { do: 'haunt', ghosts: GHOSTS_PER_STEP });
      await this.#rekey();
      if (began < quietFrom) await this.#disturb();
      else if (!spoilt && began > quietFrom + SETTLE_MS) {
        spoilt = true;
        await this.#spoilOnce();
      }
      if (this.#options.spoil?.includes('memory') === true) {
        await this.#stage.tell(0, { do: 'spoil', what: 'memory', bytes: 1500 * GHOSTS_PER_STEP });
      }
      if (began - sampled >= SAMPLE_EVERY_MS) {
        sampled = began;
        await this.#sample();
      }
      await delay(Math.max(0, STEP_MS - (this.#now() - began)));
    }
  }

  #others(member: number): number[] {
    return MEMBERS.filter((other) => other !== member);
  }

  #pair(): readonly [member: number, other: number] {
    const member = this.#below(MEMBERS.length);
    return [member, this.#others(member)[this.#below(2)] as number];
  }

  /** One of the six directions in a step: each is renewed every one or two seconds. */
  async #rekey(): Promise<void> {
    const [member, other] = this.#pair();
    this.#done.rekeys += 1;
    await this.#stage.tell(member, { do: 'rekey', peer: peerOf(other) });
  }

  async #disturb(): Promise<void> {
    const dice = this.#below(60);
    if (dice < 20) await this.#switchWay();
    else if (dice < 24) await this.#replacePeer();
    else if (dice < 26) await this.#flap();
  }

  async #switchWay(): Promise<void> {
    const [member, other] = this.#pair();
    const way = WAYS[this.#below(WAYS.length)] as WayKind;
    this.#done.switches += 1;
    const path = this.#stage.pathOf(member, other, way);
    await this.#stage.tell(member, { do: 'path', peer: peerOf(other), path });
  }

  /** One side forgets the other with all its sessions, and knows it again a moment later. */
  async #replacePeer(): Promise<void> {
    const [member, other] = this.#pair();
    const from = this.#now();
    this.#options.tell?.(`${(from / 1000).toFixed(1)} s: member ${member} takes member ${other} away`);
    this.#done.removals += 1;
    await this.#stage.tell(member, { do: 'remove', peer: peerOf(other) });
    await delay(this.#below(500));
    await this.#stage.addPeer(member, other, WAYS[this.#below(WAYS.length)] as WayKind);
    await this.#stage.tell(member, { do: 'rekey', peer: peerOf(other) });
    this.#outages.push({ members: [member, other], from, to: this.#now() + SETTLE_MS });
  }

  async #flap(): Promise<void> {
    const member = this.#below(MEMBERS.length);
    this.#options.tell?.(`${(this.#now() / 1000).toFixed(1)} s: the interface of member ${member} goes down`);
    this.#done.downs += 1;
    this.#stage.setInterface(member, 'down');
    await delay(this.#below(700));
    this.#stage.setInterface(member, 'up');
  }

  async #spoilOnce(): Promise<void> {
    const spoil = this.#options.spoil ?? [];
    // A handshake that is under way would replace the session before anybody misses it.
    await delay(STEP_MS);
    if (spoil.includes('session')) await this.#stage.tell(1, { do: 'spoil', what: 'session', peer: peerOf(2) });
    if (spoil.includes('byte')) await this.#stage.traffic(2, { do: 'spoil' });
  }

  async #sample(): Promise<void> {
    for (const member of MEMBERS) {
      const at = this.#now();
      const { peers, rss, descriptors, threads } = await this.#stage.status(member);
      this.#samples[member]?.push({ at, rss, descriptors, threads });
      this.#noteLost(member, peers);
    }
  }

  /** A peer that is set anew begins its list anew: what was seen stays seen. */
  #noteLost(member: number, peers: readonly { readonly peer: number; readonly lost: readonly number[] }[]): void {
    const known = this.#lost[member] ?? [];
    for (const { peer, lost } of peers) {
      for (const time of lost) {
        const at = time - (this.#begins[member] ?? 0);
        if (!known.some((entry) => entry.peer === peer - 1 && entry.at === at)) known.push({ peer: peer - 1, at });
      }
    }
  }

  async #end(): Promise<SoakResult> {
    const pinged = this.#stage.pinged();
    const traffic = await Promise.all(
      MEMBERS.map((member) => this.#stage.traffic(member, { do: 'finish', limitMs: FINISH_MS })),
    );
    const unanswered = MEMBERS.flatMap((member) =>
      this.#others(member).map((other) => ({
        pair: `${member} to ${other}`,
        missing: this.#stage.unanswered(member, other, LAST_PINGS),
      })),
    );
    await this.#sample();
    const statuses = await Promise.all(MEMBERS.map((member) => this.#stage.status(member)));
    const bytes = traffic.flatMap(({ streams }) => streams).reduce((sum, { received }) => sum + received, 0);
    const datagrams = traffic.map((report) => report.datagrams);
    const total = (key: 'sent' | 'received') => datagrams.reduce((sum, each) => sum + each[key], 0);
    const sessions = statuses.flatMap(({ peers }) => peers).reduce((sum, { asInitiator }) => sum + asInitiator, 0);
    const mb = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
    const memory = this.#samples.map((samples) => {
      const at = (share: number) => mb(samples[Math.round((samples.length - 1) * share)]?.rss ?? 0);
      return `${[0, 0.35, 0.6, 0.8, 1].map(at).join(' ')} (${mb(growthOf(samples))})`;
    });
    const { rekeys, switches, removals, downs } = this.#done;
    return {
      failures: failuresOf({
        samples: this.#samples,
        outages: this.#outages,
        lost: this.#lost,
        statuses,
        traffic,
        hosts: MEMBERS.map(hostOf),
        pinged,
        unanswered,
        leastRekeys: 1,
      }),
      summary: [
        `${(bytes / 1e6).toFixed(0)} MB in ${traffic.flatMap(({ streams }) => streams).length / 2} streams both ways`,
        `${total('received')} of ${total('sent')} datagrams, ` +
          `${pinged.reduce((sum, { answered }) => sum + answered, 0)} pings answered`,
        `${rekeys} handshakes asked for, ${sessions} made since a peer was set last; ${switches} ways switched, ` +
          `${removals} peers taken away, ${downs} interfaces down and up`,
        `memory in MB at 0, 35, 60, 80, 100 % of the time (growth after warm-up): ${memory.join('; ')}`,
      ],
    };
  }
}

/** @throws Error where a process of it ends or does not answer */
export function soak(options: SoakOptions): Promise<SoakResult> {
  return new Soak(options).run();
}
