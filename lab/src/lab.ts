/** One lab: machines in namespaces, cables between them, and nothing left when it closes. */
import { accessSync, constants } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Bare, cable, type CableEnd } from './bare.ts';
import { Capture, type CaptureOptions } from './capture.ts';
import { LabError } from './error.ts';
import { Host, type HostOptions, type Place } from './host.ts';
import { Internet, type InternetOptions } from './internet.ts';
import type { Machine, Site } from './machine.ts';
import type { LabProcess } from './process.ts';
import { Router, type RouterOptions } from './router.ts';
import { environment } from './shell.ts';
import { namespaces, prefixFor, sweep, sweepDead, watch } from './sweep.ts';

export interface LabOptions {
  /** Stands at the top of the picture. */
  readonly name?: string;
}

let labs = 0;

function findProgram(name: string): boolean {
  return (environment()['PATH'] ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export class Lab {
  readonly name: string;
  /** Begins the name of every namespace of this lab. */
  readonly prefix: string;
  readonly #site: Site;
  readonly #watchdog: ChildProcess;
  /** In the order they were asked for; null while one is being made. */
  readonly #machines = new Map<string, Internet | Host | Router | Bare | null>();
  readonly #captures = new Set<Capture>();
  #internet: Internet | null = null;
  #closing: Promise<void> | null = null;

  /**
   * An empty lab. Close it in `finally`; when its process is killed instead, a watchdog removes everything.
   * @throws LabError without root or without the programs of lab/debian-packages.txt.
   */
  static async create(options: LabOptions = {}): Promise<Lab> {
    if (process.getuid?.() !== 0) {
      throw new LabError(
        'the lab makes network namespaces, which only root may: run it as root, for example with sudo',
      );
    }
    const missing = ['ip', 'tc', 'nft', 'perl', 'sh'].filter((program) => !findProgram(program));
    if (missing.length > 0) {
      throw new LabError(
        `the lab needs ${missing.join(', ')}: install the packages listed in lab/debian-packages.txt, or run "npm run setup"`,
      );
    }
    return new Lab(options.name ?? 'lab');
  }

  /** Removes what labs left behind whose process is gone. Returns the names of the removed namespaces. */
  static async sweep(): Promise<string[]> {
    return sweepDead();
  }

  private constructor(name: string) {
    this.name = name;
    this.prefix = prefixFor(++labs);
    const counts = { cable: 0, lan: 0 };
    this.#site = { prefix: this.prefix, processes: new Set<LabProcess>(), nextNumber: (of) => ++counts[of] };
    this.#watchdog = watch(this.prefix);
  }

  /** The core that public hosts and routers plug into; one per lab. */
  async internet(options: InternetOptions = {}): Promise<Internet> {
    this.#internet = await this.#add('internet', async () => Internet.create(this.#site, options));
    return this.#internet;
  }

  /** A host on the internet or in the LAN of a router. */
  async host(name: string, options: HostOptions): Promise<Host> {
    return this.#add(name, async () => Host.create(this.#site, name, options));
  }

  /** A router with a LAN; on another router's LAN it makes a double NAT. */
  async router(name: string, options: RouterOptions): Promise<Router> {
    return this.#add(name, async () => Router.create(this.#site, name, options));
  }

  /** A machine without a cable and without an address. */
  async bare(name: string): Promise<Bare> {
    return this.#add(name, async () => Bare.create(this.#site, name));
  }

  /** A cable between two machines, besides those that they came with. It carries what they configure on it. */
  async cable(one: CableEnd, other: CableEnd): Promise<void> {
    await cable(one, other);
  }

  /** Takes packets until `stop`, or until the lab closes. */
  async capture(machine: Machine, options: CaptureOptions = {}): Promise<Capture> {
    if (!findProgram('tcpdump')) throw new LabError('captures need tcpdump: install the package tcpdump');
    const capture = await Capture.start(machine, options);
    this.#captures.add(capture);
    return capture;
  }

  /** The topology as a tree, one machine per line. */
  pretty(): string {
    const lines: string[] = [this.name];
    const draw = (label: string, place: Place, indent: string) => {
      lines.push(label);
      const children = [...this.#machines.values()]
        .filter((each) => each instanceof Host || each instanceof Router)
        .filter((each) => each.at.owner === place);
      for (const [i, child] of children.entries()) {
        const last = i === children.length - 1;
        const branch = `${indent}${last ? '└─ ' : '├─ '}${child.describe()}`;
        if (child instanceof Router) draw(branch, child, `${indent}${last ? '   ' : '│  '}`);
        else lines.push(branch);
      }
    };
    if (this.#internet !== null) {
      const subnets = this.#internet.switches.map((each) => each.subnet.prefix).join(' ');
      draw(`internet ${subnets}`, this.#internet, '');
    }
    return lines.join('\n');
  }

  /** Ends every process of the lab and removes its namespaces; a second call waits for the first. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const processes = [...this.#site.processes];
    await sweep(this.prefix);
    await Promise.all([...processes.map((each) => each.kill()), ...[...this.#captures].map((each) => each.abandon())]);
    const left = namespaces(this.prefix);
    if (left.length > 0) throw new LabError(`these namespaces could not be removed: ${left.join(', ')}`);
    const ended = new Promise<void>((resolve) => this.#watchdog.once('exit', () => resolve()));
    if (this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null) return;
    this.#watchdog.ref();
    this.#watchdog.stdin?.end('closed\n');
    await ended;
  }

  async #add<M extends Internet | Host | Router | Bare>(name: string, create: () => Promise<M>): Promise<M> {
    if (this.#closing !== null) throw new LabError(`the lab is closed: ${name} cannot be added`);
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) {
      throw new LabError(`"${name}" is no name for a machine: use up to 32 small letters, digits and hyphens`);
    }
    if (this.#machines.has(name)) throw new LabError(`there is a machine called ${name} already`);
    // Taken at once, so that two calls side by side cannot both have it.
    this.#machines.set(name, null);
    try {
      const machine = await create();
      this.#machines.set(name, machine);
      return machine;
    } catch (error) {
      this.#machines.delete(name);
      throw error;
    }
  }
}
