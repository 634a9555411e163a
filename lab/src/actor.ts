/**
 * A machine of the lab with kith on it: the real program, run as a person would run it, with state of its own.
 * What comes back is read from `--json`, as any program outside would read it.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from './error.ts';
import type { Host } from './host.ts';
import type { RunResult } from './machine.ts';

const PROGRAM = fileURLToPath(new URL('../../packages/kith/bin/kith.mjs', import.meta.url));

/** One member in `kith status --json`, as far as the lab looks at it. */
export interface SeenMember {
  readonly id: string;
  readonly name: string;
  readonly address4: string;
  readonly self: boolean;
  readonly online: boolean;
  readonly path: {
    readonly kind: 'direct' | 'relay' | 'none';
    readonly endpoint: string | null;
    readonly via: readonly { readonly id: string; readonly name: string }[];
    readonly reason: string;
  };
  readonly rttMs: number | null;
  readonly nat: string;
}

/** `kith status --json`, as far as the lab looks at it. */
export interface SeenStatus {
  readonly pid: number;
  readonly self: string;
  readonly member: boolean;
  readonly revokedBy: string | null;
  readonly interface: { readonly name: string } | null;
  readonly port: number;
  readonly nat: string;
  readonly natReason: string;
  readonly endpoints: readonly string[];
  readonly members: readonly SeenMember[];
  readonly ledgerSize: number;
  readonly relayedPackets: number;
}

export interface RunKithOptions {
  /** Given to the program on its standard input. */
  readonly input?: string;
  /** Milliseconds; 60 s unless told. */
  readonly timeoutMs?: number;
}

export class Actor {
  readonly host: Host;
  /** The network that is meant where the machine is in several. */
  readonly label: string;
  /** Holds a folder per network: `KITH_STATE`. */
  readonly state: string;

  /** @param folder an existing folder; the actor makes one of its own below it */
  constructor(host: Host, label: string, folder: string) {
    this.host = host;
    this.label = label;
    this.state = join(folder, host.name);
    mkdirSync(this.state, { recursive: true, mode: 0o700 });
  }

  get name(): string {
    return this.host.name;
  }

  /** The folder of the network. */
  get folder(): string {
    return join(this.state, this.label);
  }

  /** A line for a shell outside of the lab that runs kith as this machine. */
  commandLine(words: string): string {
    const program = `${process.execPath} ${PROGRAM}`;
    return `ip netns exec ${this.host.namespace} env KITH_STATE=${this.state} ${program} -n ${this.label} ${words}`;
  }

  /**
   * Runs `kith -n <label> …` to its end; a code other than 0 is a result, not an error.
   * @throws LabError when it does not end in time
   */
  run(words: readonly string[], options: RunKithOptions = {}): Promise<RunResult> {
    return this.host.run([process.execPath, PROGRAM, '-n', this.label, ...words], {
      env: { KITH_STATE: this.state },
      timeoutMs: options.timeoutMs ?? 60_000,
      ...(options.input === undefined ? {} : { input: options.input }),
    });
  }

  /** As `run`. @throws LabError with what kith complained about when the code is not 0 */
  async must(words: readonly string[], options: RunKithOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(words, options);
    if (code === 0) return stdout;
    throw new LabError(`${this.name}: kith ${words.join(' ')} failed with ${code}: ${(stderr || stdout).trim()}`);
  }

  /** @throws LabError when no daemon answers */
  async status(): Promise<SeenStatus> {
    return JSON.parse(await this.must(['--json', 'status'])) as SeenStatus;
  }

  /** What this machine's status says of a member; undefined when it knows none of that name. */
  async sees(member: Actor | string): Promise<SeenMember | undefined> {
    const name = typeof member === 'string' ? member : member.name;
    return (await this.status()).members.find((each) => each.name === name);
  }

  /**
   * Asks for the status until it contents.
   * @param deadlineMs milliseconds
   * @throws LabError with the last status when the time is over
   */
  async until(what: string, content: (status: SeenStatus) => boolean, deadlineMs = 15_000): Promise<SeenStatus> {
    for (const deadline = performance.now() + deadlineMs; ;) {
      const status = await this.status();
      if (content(status)) return status;
      if (performance.now() < deadline) continue;
      throw new LabError(`${this.name}: ${what} did not come within ${deadlineMs} ms: ${JSON.stringify(status)}`);
    }
  }

  /**
   * One real ICMP ping through the mesh interface, to a mesh address.
   * @param waitSeconds how long to wait for the answer
   * @returns ms of the round trip, null without an answer
   */
  async ping(address: string, waitSeconds = 2): Promise<number | null> {
    const { stdout } = await this.host.run(['ping', '-n', '-c', '1', '-W', String(waitSeconds), address], {
      timeoutMs: waitSeconds * 1000 + 10_000,
    });
    const time = /time=([\d.]+) ms/.exec(stdout)?.[1];
    return time === undefined ? null : Number(time);
  }

  /** Sends a signal to the daemon and returns its process id. @throws LabError when none runs */
  async signal(name: NodeJS.Signals): Promise<number> {
    const { pid } = await this.status();
    process.kill(pid, name);
    return pid;
  }

  /** The daemon's log as it is on disk; empty while there is none. */
  log(): string {
    try {
      return readFileSync(join(this.folder, 'daemon.log'), 'utf8');
    } catch {
      return '';
    }
  }
}
