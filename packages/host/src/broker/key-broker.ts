/**
 * Lets routers in by their keys: those who ask, as the file's policy says, and those whom an operator names. What was
 * decided is on disk before it is done, and is done again when it got lost.
 */
import { type Gateway, type RouterEntry, RouterRegistry, type RouterRequest, type RegistryPolicy } from '@kith/gateway';
import { KithError } from '@kith/core';
import { type RouterFile, routerFile } from './router-file.ts';
import { type Tunnels, tunnelsOf } from './tunnels.ts';

export interface KeyBrokerOptions {
  readonly gateway: Gateway;
  /** Told what happens to routers, and what of it failed; one line each. */
  readonly tell: (text: string) => void;
  /** For tests; the real ones otherwise. */
  readonly tunnels?: Tunnels;
}

/** ms between two looks at who is connected. */
const LOOK_EVERY = 60_000;
/** Where the file has no registration: an operator may still let routers in. */
const BY_HAND: RegistryPolicy = { approve: 'hand', limit: 500 };

export class KeyBroker {
  readonly #gateway: Gateway;
  readonly #registry: RouterRegistry;
  readonly #file: RouterFile;
  readonly #tunnels: Tunnels;
  readonly #tell: (text: string) => void;
  readonly #timer: NodeJS.Timeout;
  /** Tunnels are changed one after the other. */
  #turn: Promise<void> = Promise.resolve();

  /** @throws KithError GATEWAY_RECORD_CORRUPT */
  constructor({ gateway, tell, tunnels = tunnelsOf(gateway) }: KeyBrokerOptions) {
    const policy = gateway.settings.vpn.registration ?? BY_HAND;
    this.#gateway = gateway;
    this.#file = routerFile(gateway.host.folders.state);
    this.#registry = new RouterRegistry(policy, this.#file.read() ?? []);
    this.#tunnels = tunnels;
    this.#tell = tell;
    this.#timer = setInterval(() => void this.look(Date.now()), LOOK_EVERY).unref();
  }

  get gateway(): Gateway {
    return this.#gateway;
  }

  list(): readonly RouterEntry[] {
    return this.#registry.entries;
  }

  /** A router asks; resolves when it can connect, or is told to wait. @throws KithError ROUTER_LIMIT */
  async ask(request: RouterRequest): Promise<RouterEntry> {
    const before = this.#find(request.key);
    const entry = this.#registry.ask(request, Date.now());
    if (entry.standing === before?.standing) return entry;
    this.#save();
    this.#tell(`router ${entry.key} of domain ${entry.domain} asked from ${request.from}: ${entry.standing}`);
    if (entry.standing === 'admitted') await this.#change(() => this.#tunnels.admit(entry), entry);
    return entry;
  }

  /**
   * @param domain for a key that nobody asked with; the first domain otherwise
   * @throws KithError ROUTER_KEY_INVALID, ROUTER_LIMIT, ROUTER_UNKNOWN for a domain that is not the file's
   */
  async approve(key: string, domain?: string): Promise<RouterEntry> {
    const entry = this.#registry.decide(key, 'admitted', this.#domain(domain), Date.now());
    this.#save();
    await this.#change(() => this.#tunnels.admit(entry), entry);
    return entry;
  }

  /** Turns it away, now and when it asks again. @throws KithError ROUTER_KEY_INVALID */
  async refuse(key: string): Promise<RouterEntry> {
    const entry = this.#registry.decide(key, 'refused', this.#domain(undefined), Date.now());
    this.#save();
    await this.#change(() => this.#tunnels.expel(entry), entry);
    return entry;
  }

  /** As if it had never asked. @throws KithError ROUTER_UNKNOWN */
  async forget(key: string): Promise<void> {
    const entry = this.#registry.forget(key);
    if (entry === null) throw new KithError('ROUTER_UNKNOWN', `no router has the key "${key.slice(0, 80)}"`);
    this.#save();
    await this.#change(() => this.#tunnels.expel(entry), entry);
  }

  /** Sees who is connected, forgets who was silent for long, and lets in again whom a change of the gateway put out. */
  async look(now: number): Promise<void> {
    try {
      this.#registry.connected(await this.#tunnels.connected(), now);
      await this.#forgetSilent(now);
      const inside = await this.#tunnels.admitted();
      const outside = this.#registry.entries.filter(({ standing, key }) => standing === 'admitted' && !inside.has(key));
      for (const entry of outside) await this.#change(() => this.#tunnels.admit(entry), entry);
    } catch (error) {
      this.#tell(`who is connected cannot be told: ${String(error)}`);
    }
  }

  /** Ends the looking; tunnels stay as they are. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn;
  }

  async #forgetSilent(now: number): Promise<void> {
    const gone = this.#registry.tidy(now);
    this.#save();
    for (const entry of gone) {
      this.#tell(`router ${entry.key} was silent for long: forgotten`);
      await this.#change(() => this.#tunnels.expel(entry), entry);
    }
  }

  #find(key: string): RouterEntry | undefined {
    return this.#registry.entries.find((entry) => entry.key === key);
  }

  #save(): void {
    this.#file.write({ routers: this.#registry.entries });
  }

  #domain(wanted: string | undefined): string {
    const codes = this.#gateway.domains.map(({ domain }) => domain.code);
    const code = wanted === undefined ? codes[0] : codes.find((each) => each === wanted);
    if (code !== undefined) return code;
    throw new KithError('ROUTER_UNKNOWN', `there is no domain "${wanted ?? ''}", the file has ${codes.join(', ')}`);
  }

  /** What fails is told: it is tried again at the next look. */
  #change(work: () => Promise<void>, { key }: RouterEntry): Promise<void> {
    this.#turn = this.#turn.then(work).catch((error: unknown) => this.#tell(`router ${key}: ${String(error)}`));
    return this.#turn;
  }
}
