/** Three members with two cables between each pair, and a relay that all of them reach, each in a namespace. */
import { Buffer } from 'node:buffer';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { SecretKey, tunnelKeyOf } from '@kith/core';
import { nodeCrypto } from '../../src/node-crypto.ts';
import type { MemberCommand, MemberPath, MemberProcess, MemberStatus } from '../net/member-process.ts';
import { Namespaces, run, type Child } from '../net/namespaces.ts';
import type { TrafficCommand, TrafficProcess, TrafficReport } from '../net/traffic-process.ts';
import { nodeId } from '../rig.ts';

const MEMBER = new URL('../net/member-process.ts', import.meta.url);
const TRAFFIC = new URL('../net/traffic-process.ts', import.meta.url);
const PORT = 6550;
export const MEMBERS = [0, 1, 2] as const;
const RELAY = 3;

/** Members are peers by one more than their number. */
export const peerOf = (member: number): number => member + 1;
export const hostOf = (member: number): string => `10.77.0.${member + 1}`;
const host6Of = (member: number): string => `fd77::${member + 1}`;

/** Ways between two members. The second cable takes no datagram of full length whole. */
export type WayKind = 'first' | 'second' | 'relay';
export const WAYS: readonly WayKind[] = ['first', 'second', 'relay'];

/** The same in every run: nothing secret is carried. */
const secretOf = (member: number) => createHash('sha256').update(`soak ${member}`).digest();
const keyOf = (member: number): string => tunnelKeyOf(nodeCrypto(), new SecretKey(Uint8Array.from(secretOf(member))));

export class Stage {
  readonly #spaces = new Namespaces();
  readonly #names: string[] = [];
  readonly #members: Child[] = [];
  readonly #traffic: Child[] = [];
  /** Where member `to` is for member `from`, by cable. */
  readonly #endpoints = new Map<string, string>();
  readonly #pings: { readonly pair: string; readonly process: ChildProcess; answered: number }[] = [];
  /** Answers come in the order of the questions. */
  readonly #turns = new Map<Child, Promise<unknown>>();

  async up(seed: number, rate: number): Promise<void> {
    for (const member of [...MEMBERS, RELAY]) this.#names.push(this.#spaces.add(`soak${member}`));
    for (const a of MEMBERS) {
      for (const b of MEMBERS.filter((other) => other > a)) {
        this.#cable(a, b, 'first', 1500);
        this.#cable(a, b, 'second', 1300);
      }
      this.#cable(a, RELAY, 'relay', 1500);
    }
    for (const member of [...MEMBERS, RELAY]) await this.#startMember(member);
    for (const member of MEMBERS) {
      await this.tell(member, { do: 'relay', sources: [this.#endpoint(member, RELAY, 'relay')], nextHops: [] });
    }
    const ends = MEMBERS.map((member) => [nodeId(member + 1), this.#endpoint(RELAY, member, 'relay')] as const);
    await this.tell(RELAY, { do: 'relay', sources: ends.map(([, endpoint]) => endpoint), nextHops: ends });
    for (const member of MEMBERS) {
      const init: TrafficProcess = {
        host: hostOf(member),
        connects: MEMBERS.filter((other) => other > member).map(hostOf),
        others: MEMBERS.filter((other) => other !== member).map(hostOf),
        rate,
        seed: seed + member,
      };
      const child = this.#spaces.start(this.#name(member), TRAFFIC, init);
      await child.next();
      this.#traffic.push(child);
    }
  }

  async #startMember(member: number): Promise<void> {
    const init: MemberProcess = {
      secret: Buffer.from(secretOf(member)).toString('hex'),
      id: nodeId(member + 1),
      port: PORT,
      offloads: true,
      cipher: member % 2 === 0 ? 'aes-256-gcm' : 'chacha20-poly1305',
      ...(member === RELAY
        ? {}
        : {
            tun: {
              name: 'kith0',
              addresses: [
                [hostOf(member), 16],
                [host6Of(member), 48],
              ],
            },
          }),
    };
    const child = this.#spaces.start(this.#name(member), MEMBER, init);
    await child.next();
    this.#members.push(child);
    if (member === RELAY) return;
    // Or taking the interface down takes its addresses of IPv6 away.
    const keep = 'net.ipv6.conf.kith0.keep_addr_on_down=1';
    run('ip', 'netns', 'exec', this.#name(member), 'sysctl', '-q', '-w', keep);
  }

  #name(member: number): string {
    const name = this.#names[member];
    if (name === undefined) throw new Error(`no member ${member}`);
    return name;
  }

  #cable(a: number, b: number, kind: WayKind, mtu: number): void {
    const n = this.#endpoints.size / 2 + 1;
    const [endA, endB] = [`198.18.${n}.1`, `198.18.${n}.2`];
    this.#spaces.link(this.#name(a), endA, this.#name(b), endB);
    for (const [member, end] of [
      [a, 'a'],
      [b, 'b'],
    ] as const) {
      run('ip', '-n', this.#name(member), 'link', 'set', `v${n}${end}`, 'mtu', String(mtu));
    }
    this.#endpoints.set(`${a} ${b} ${kind}`, `${endB}:${PORT}`);
    this.#endpoints.set(`${b} ${a} ${kind}`, `${endA}:${PORT}`);
  }

  #endpoint(from: number, to: number, kind: WayKind): string {
    const endpoint = this.#endpoints.get(`${from} ${to} ${kind}`);
    if (endpoint === undefined) throw new Error(`no way from ${from} to ${to}`);
    return endpoint;
  }

  pathOf(from: number, to: number, way: WayKind): MemberPath {
    if (way !== 'relay') return { endpoint: this.#endpoint(from, to, way) };
    return { hop: this.#endpoint(from, RELAY, 'relay'), dst: nodeId(to + 1) };
  }

  async addPeer(member: number, other: number, way: WayKind): Promise<void> {
    await this.tell(member, {
      do: 'peer',
      peer: peerOf(other),
      key: keyOf(other),
      allowed: [`${hostOf(other)}/32`, `${host6Of(other)}/128`],
      path: this.pathOf(member, other, way),
    });
  }

  /** @returns what the process answers: its clock in ms */
  async tell(member: number, command: Exclude<MemberCommand, { do: 'status' }>): Promise<number> {
    return (await this.#ask(this.#members[member], command)) as number;
  }

  async status(member: number): Promise<MemberStatus> {
    return (await this.#ask(this.#members[member], { do: 'status' } satisfies MemberCommand)) as MemberStatus;
  }

  async traffic(member: number, command: TrafficCommand): Promise<TrafficReport> {
    return (await this.#ask(this.#traffic[member], command, 90_000)) as TrafficReport;
  }

  #ask(child: Child | undefined, command: unknown, limitMs?: number): Promise<unknown> {
    if (child === undefined) throw new Error('no such process');
    const turn = (this.#turns.get(child) ?? Promise.resolve()).then(() => {
      child.tell(JSON.stringify(command));
      return child.next(limitMs);
    });
    this.#turns.set(
      child,
      turn.catch(() => undefined),
    );
    return turn;
  }

  setInterface(member: number, state: 'up' | 'down'): void {
    run('ip', '-n', this.#name(member), 'link', 'set', 'kith0', state);
  }

  /** Pings in every direction, tiny ones and ones in fragments, until {@link pinged} or so many seconds have passed. */
  startPings(seconds: number): void {
    for (const from of MEMBERS) {
      for (const to of MEMBERS.filter((other) => other !== from)) {
        const host = from < to ? hostOf(to) : host6Of(to);
        const size = String(from === 1 ? 3000 : 16);
        const args = ['-n', '-i', '0.3', '-w', String(Math.ceil(seconds)), '-s', size, host];
        const child = spawn('ip', ['netns', 'exec', this.#name(from), 'ping', ...args], {
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        const ping = { pair: `${from} to ${to}`, process: child, answered: 0 };
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          ping.answered += text.split(' bytes from ').length - 1;
        });
        this.#pings.push(ping);
      }
    }
  }

  /** Ends the pings and says how many were answered. */
  pinged(): readonly { readonly pair: string; readonly answered: number }[] {
    for (const { process: child } of this.#pings) child.kill();
    return this.#pings.map(({ pair, answered }) => ({ pair, answered }));
  }

  /** Pings without answer, of `count`, each by a process of its own. */
  unanswered(from: number, to: number, count: number): number {
    let missing = 0;
    for (let i = 0; i < count; i++) {
      const host = i % 2 === 0 ? hostOf(to) : host6Of(to);
      const size = [0, 56, 1200, 4000][i % 4] as number;
      try {
        run('ip', 'netns', 'exec', this.#name(from), 'ping', '-c', '1', '-W', '5', '-s', String(size), host);
      } catch {
        missing += 1;
      }
    }
    return missing;
  }

  async down(): Promise<void> {
    this.pinged();
    await this.#spaces.remove();
  }
}
