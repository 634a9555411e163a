/**
 * A community's gateway and whom it serves, each in a namespace: the internet with a web server that also answers names
 * and the time, the gateway between, a wired client, and a router that says about itself what Gluon's say. The
 * gateway's operator has a network of his own too, which nobody of the community may reach.
 *
 * What it leaves out: this machine's kernel has neither batman-adv nor WireGuard, so the router's frames come over the
 * wire, not through a tunnel. Those are tested where there is a kernel that has them, see `lab/uml`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bare, type Host, type Internet, Lab, LabError, type LabProcess, type RunResult } from '../src/index.ts';
import { Client } from './client.ts';
import { withResolver } from './resolver.ts';

const PROGRAM = fileURLToPath(new URL('../../packages/kith/bin/kith.mjs', import.meta.url));
const SERVER = fileURLToPath(new URL('web.ts', import.meta.url));

export { Client, type Lease } from './client.ts';

/** What the internet's only site is called. */
export const SITE = 'www.example.org';
const SITE4 = '203.0.113.80';

export interface GatewayStage {
  readonly lab: Lab;
  readonly internet: Internet;
  /** Serves {@link SITE}: pages, names, the time. */
  readonly web: Host;
  readonly gateway: GatewayHost;
  readonly client: Client;
  /** Plugged into `eth2` of the gateway. */
  readonly router: Client;
  /** A machine of the operator's own, behind `eth3` of the gateway, with a web server on 192.168.77.2. */
  readonly own: Bare;
  close(): Promise<void>;
}

export interface GatewayStageOptions {
  /** The gateway's file; without it there is none yet. */
  readonly file?: string;
}

/** `kith gateway status --json`, as far as the lab looks at it. */
export interface SeenGateway {
  readonly pid: number;
  readonly state: 'running' | 'unconfirmed' | 'draining' | 'none';
  readonly services: readonly { readonly name: string; readonly state: string; readonly since: number }[];
  readonly domains: readonly { readonly bridge: string; readonly address4: string; readonly address6: string }[];
  readonly leases: readonly { readonly address: string }[];
  readonly exit: { readonly interface: string; readonly member: string | null } | null;
}

/** `kith gateway doctor --json`, likewise. */
export interface SeenExamination {
  readonly findings: readonly { readonly id: string; readonly what: string; readonly cause: string }[];
  readonly mended: readonly { readonly id: string }[];
}

export interface KithOptions {
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Words of a command that runs it. */
  readonly through?: readonly string[];
}

/** The gateway, and kith on it as a person runs it there. */
export class GatewayHost {
  readonly host: Host;
  /** Where kith.yaml lies, and everything that kith keeps. */
  readonly folder: string;
  readonly #environment: Readonly<Record<string, string>>;

  /** @param networks where the networks of kith are that it is a member of: `KITH_STATE` */
  constructor(host: Host, folder: string, networks: string = join(folder, 'networks')) {
    this.host = host;
    this.folder = folder;
    this.#environment = {
      KITH_GATEWAY_STATE: this.state,
      KITH_GATEWAY_RUN: this.runFolder,
      KITH_STATE: networks,
    };
    mkdirSync(folder, { recursive: true });
    // What the machine that runs the lab asks for names is none of the gateway's business.
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${SITE4}\n`);
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  get runFolder(): string {
    return join(this.folder, 'run');
  }

  get file(): string {
    return join(this.folder, 'kith.yaml');
  }

  /** Runs kith in the folder of the file; a code other than 0 is a result, not an error. */
  kith(words: readonly string[], options: KithOptions = {}): Promise<RunResult> {
    return this.host.run(this.#command(words, options.through), {
      cwd: this.folder,
      env: { ...this.#environment, ...options.env },
      timeoutMs: options.timeoutMs ?? 60_000,
    });
  }

  /** As `kith`. @returns what it printed @throws LabError with what kith complained about when the code is not 0 */
  async must(words: readonly string[], options: KithOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.kith(words, options);
    if (code === 0) return stdout;
    throw new LabError(`${this.host.name}: kith ${words.join(' ')} failed with ${code}: ${(stderr || stdout).trim()}`);
  }

  /** `kith gateway status --json`. */
  status(): Promise<SeenGateway> {
    return this.#json(['gateway', 'status']);
  }

  /** `kith gateway doctor --json`. */
  examine(...options: readonly string[]): Promise<SeenExamination> {
    return this.#json(['gateway', 'doctor', ...options]);
  }

  /** The document of a verb with `--json`, as any program outside would read it. */
  async #json<T>(words: readonly string[]): Promise<T> {
    const { stdout, stderr } = await this.kith(['--json', ...words]);
    try {
      return JSON.parse(stdout) as T;
    } catch (cause) {
      throw new LabError(`${this.host.name}: kith --json ${words.join(' ')} printed no JSON: ${stdout}${stderr}`, {
        cause,
      });
    }
  }

  /** Starts kith and lets it run. */
  spawn(words: readonly string[]): Promise<LabProcess> {
    return this.host.spawn(this.#command(words), { cwd: this.folder, env: this.#environment });
  }

  /** Writes the gateway's file. */
  async write(text: string): Promise<void> {
    await writeFile(this.file, text);
  }

  /** A line for a shell outside of the lab that runs kith on the gateway. */
  commandLine(words: string): string {
    const variables = Object.entries(this.#environment).map(([name, value]) => `${name}=${value}`);
    return `ip netns exec ${this.host.namespace} env ${variables.join(' ')} ${process.execPath} ${PROGRAM} ${words}`;
  }

  #command(words: readonly string[], through: readonly string[] = []): string[] {
    return [...withResolver(join(this.folder, 'resolv.conf')), ...through, process.execPath, PROGRAM, ...words];
  }
}

/** Namespaces, cables and what the internet serves; of kith only the file, if one is given. */
export async function buildGatewayStage(options: GatewayStageOptions = {}): Promise<GatewayStage> {
  const folder = mkdtempSync(join(tmpdir(), `kith-gateway-${process.pid}-`));
  const lab = await Lab.create({ name: 'a gateway' }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const close = async (): Promise<void> => {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const internet = await lab.internet({ ipv6: true });
    const web = await lab.host('web', { on: internet, address: SITE4 });
    const gateway = new GatewayHost(
      await lab.host('gateway', { on: internet, address: '198.51.100.2' }),
      join(folder, 'gateway'),
    );
    if (options.file !== undefined) writeFileSync(gateway.file, options.file);
    const [wired, routing, own] = await Promise.all(['wired', 'router', 'own'].map((name) => lab.bare(name)));
    if (wired === undefined || routing === undefined || own === undefined) throw new LabError('a machine is missing');
    for (const [place, machine] of [wired, routing, own].entries())
      await lab.cable({ machine: gateway.host, iface: `eth${place + 1}` }, { machine, iface: 'eth0' });
    await ownNetwork(gateway.host, own);
    await serveInternet(web, folder);
    const [client, router] = [new Client(wired, folder), new Client(routing, folder)];
    return { lab, internet, web, gateway, client, router, own, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function ownNetwork(gateway: Host, own: Bare): Promise<void> {
  await gateway.configure('give a network of its own to', { ip: ['addr add 192.168.77.1/24 dev eth3'] });
  await own.configure('address', {
    ip: ['addr add 192.168.77.2/24 dev eth0', 'route add default via 192.168.77.1'],
  });
  const server = await own.spawn([process.execPath, SERVER, '80']);
  await server.waitFor(/^serving/);
}

/** The site's pages, a server of names as providers have it, and one of the time. */
async function serveInternet(web: Host, folder: string): Promise<void> {
  const names = [SITE, web.address, web.address6 ?? ''].filter((each) => each !== '').join(',');
  const started = await Promise.all([
    web.spawn([process.execPath, SERVER, '80']),
    // A line that leaves no file behind and reads none of the machine's.
    web.spawn([
      'dnsmasq',
      '-k',
      '-C',
      '/dev/null',
      '--pid-file=',
      '--no-resolv',
      '--no-hosts',
      `--host-record=${names}`,
    ]),
    web.spawn(['chronyd', '-x', '-d', '-f', timeConfiguration(folder)]),
  ]);
  await started[0]?.waitFor(/^serving/);
}

function timeConfiguration(folder: string): string {
  const path = join(folder, 'far-chrony.conf');
  const lines = [
    'local stratum 3',
    'allow all',
    'cmdport 0',
    'bindcmdaddress /',
    `pidfile ${join(folder, 'far-chronyd.pid')}`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}
