/**
 * Puts a client into the bridge of a domain and lets it ask. The client has a network namespace without a name, which
 * lives as long as its process does; with the namespace goes the cable. So there is nothing to clean up, not even after
 * a `kill -9`: the client ends when its standard input does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Address, KithError, prefixParts } from '@kith/core';
import { type ClientFacts, type Gateway, type GatewayDomain, spareAddress } from '@kith/gateway';
import { must, run } from '../command.ts';
import { hearAnswers } from './groups.ts';
import type { Job } from './job.ts';

/** Whatever hangs, the client is ended by then (ms after its start, which takes a while on a small machine). */
const LONGEST = 12_000;
const START = 20_000;

const CLIENT = fileURLToPath(new URL(`./client${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
/** From its source it finds the sources of packages; this program may have been told of them in another way. */
const FLAGS: readonly string[] = import.meta.url.endsWith('.ts') ? ['--conditions=source'] : [];

/**
 * What a client of the domain gets. Takes about four seconds, as servers look before they offer an address.
 *
 * @param targets addresses beyond the exit whose echoes shall come back
 */
export async function probe(gateway: Gateway, each: GatewayDomain, targets: readonly Address[]): Promise<ClientFacts> {
  const { code } = each.domain;
  try {
    return await playedBy(each, jobFor(gateway, each, targets));
  } catch (error) {
    if (!(error instanceof KithError)) throw error;
    return { ...ABSENT, domain: code, complaint: error.message };
  }
}

const ABSENT: Omit<ClientFacts, 'domain' | 'complaint'> = {
  offers: [],
  lease: null,
  address4: null,
  advertisements: [],
  address6: null,
  owners: [],
  answers: [],
  respondd: [],
  beyond: [],
};

function jobFor({ settings, slot }: Gateway, each: GatewayDomain, targets: readonly Address[]): Job {
  const { domain, address4, address6, macs, meshed, sizes } = each;
  return {
    domain: domain.code,
    mac: clientMac(macs.bridge),
    gateway4: address4,
    gateway6: address6,
    length4: prefixParts(domain.prefix4).length,
    ...spareAddress(domain, settings.slots, slot),
    zone: settings.dns.zone,
    respondd: meshed || settings.map !== null,
    targets,
    mtu: sizes.client,
  };
}

/** The same at each time, so that a lease that could not be given back is taken again. */
function clientMac(bridge: string): string {
  const [first = '02', ...rest] = bridge.split(':');
  return [(Number.parseInt(first, 16) ^ 0x40).toString(16).padStart(2, '0'), ...rest].join(':');
}

async function playedBy({ names }: GatewayDomain, job: Job): Promise<ClientFacts> {
  const child = spawn('unshare', ['--net', '--', process.execPath, ...FLAGS, CLIENT], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), START + LONGEST);
  const output = new Output(child);
  const cable = `kp-${child.pid ?? 0}`;
  try {
    await output.line(START);
    await must(['ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(child.pid)]);
    await must(['ip', 'link', 'set', cable, 'master', names.bridge, 'up']);
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const [line, answered] = await Promise.all([output.line(LONGEST), job.respondd ? hearAnswers(names.bridge) : []]);
    const facts: ClientFacts = JSON.parse(line);
    return { ...facts, respondd: [...facts.respondd, ...answered] };
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await output.ended;
    // The kernel takes its time with a namespace; who looks at the bridge next shall not see the cable any more.
    await run(['ip', 'link', 'del', cable]);
  }
}

/** The lines of a process, and its end. */
class Output {
  readonly ended: Promise<void>;
  readonly #lines: string[] = [];
  #said = '';
  #gone = false;
  #wake: () => void = () => undefined;

  constructor(child: ChildProcess) {
    child.stdin?.on('error', () => undefined);
    child.stderr?.on('data', (chunk: Buffer) => (this.#said = `${this.#said}${chunk.toString()}`.slice(-2000)));
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.#lines.push(line);
        this.#wake();
      });
    }
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#gone = true;
        this.#wake();
        resolve();
      };
      child.once('close', end);
      child.once('error', (error) => {
        this.#said = error.message;
        end();
      });
    });
  }

  /** @throws KithError DOCTOR_PROBE_FAILED when none comes within `time` ms */
  async line(time: number): Promise<string> {
    const over = performance.now() + time;
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      const left = over - performance.now();
      if (this.#gone || left <= 0) {
        const why = this.#gone
          ? `ended: ${this.#said.trim().split('\n').at(-1) ?? ''}`
          : `said nothing for ${time / 1000} s`;
        throw new KithError('DOCTOR_PROBE_FAILED', `the client in the bridge ${why}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
