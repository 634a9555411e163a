/**
 * The daemon of one network: takes the lock, loads the state, opens port and interface, ties the mesh node to clock and
 * machine, and serves the local API. What it holds is given back in reverse order, however far the start came.
 */
import { KithError, prefixParts } from '@kith/core';
import type { Address, NodeId } from '@kith/core';
import { configureInterface, createNodePlane, type NodePlane, nodeCrypto, setCapabilities } from '@kith/dataplane';
import { type Ledger, MeshNode, type MeshEvents, type PlaneEvents } from '@kith/mesh';
import { interfaceName } from '../config/schema.ts';
import { serveApi } from '../api/server.ts';
import type { StatusReport } from '@kith/api';
import { Membership, type WayIn } from '../membership/membership.ts';
import { openLedger } from '../state/ledger.ts';
import type { LedgerFile } from '../state/ledger-file.ts';
import { takeLock } from '../state/lock.ts';
import { fileIn } from '../state/paths.ts';
import { loadState, selfOf, type State } from '../state/state.ts';
import { readVersion } from '../version.ts';
import { localAddresses, reachableAddresses } from './addresses.ts';
import { monotonic, WallClock } from './clock.ts';
import { dropAddress } from './interface.ts';
import { LogBook, type LogSink } from './log.ts';
import { NetworkFileWriter } from './remember.ts';
import { DaemonService } from './service.ts';
import { TimerDriver } from './timer.ts';
import { watchMachine } from './watch.ts';

export interface DaemonOptions {
  readonly folder: string;
  /** False: no network interface; the node relays, measures and answers, and moves no packets of its own. */
  readonly tun: boolean;
  readonly sink: LogSink;
}

interface OwnAddress {
  readonly address: Address;
  readonly length: number;
}

/** The addresses of this node with the length of the network's prefixes. */
function ownAddresses(ledger: Ledger, self: NodeId): OwnAddress[] {
  const roster = ledger.roster();
  const member = roster.members.get(self);
  if (member === undefined) return [];
  return [
    { address: member.address4, length: prefixParts(roster.prefix4).length },
    { address: member.address6, length: prefixParts(roster.prefix6).length },
  ];
}

export class Daemon {
  /** Resolves once everything is closed; rejects with what broke while it ran. */
  readonly ended: Promise<void>;
  readonly log: LogBook;
  readonly #state: State;
  readonly #started: number = monotonic();
  readonly #closers: (() => void | Promise<void>)[] = [];
  readonly #clock: WallClock;
  readonly #version: string = readVersion();
  #memory: NetworkFileWriter | null = null;
  #ledger: Ledger | null = null;
  #membership: Membership | null = null;
  #plane: NodePlane | null = null;
  /** Stays known when the plane is taken down. */
  #planeInUse: StatusReport['plane'] | null = null;
  #mesh: MeshNode | null = null;
  #driver: TimerDriver | null = null;
  #addresses: readonly OwnAddress[] = [];
  #finishing = false;
  #end: { readonly resolve: () => void; readonly reject: (error: unknown) => void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };

  /** @throws KithError why it cannot run; nothing is left open then */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const lock = takeLock(options.folder, 'up');
    let daemon: Daemon;
    try {
      daemon = new Daemon(await loadState(options.folder), options.sink);
    } catch (error) {
      lock.release();
      throw error;
    }
    daemon.#closers.push(() => lock.release());
    try {
      await daemon.#open(options.tun);
    } catch (error) {
      await daemon.#close();
      throw error;
    }
    return daemon;
  }

  private constructor(state: State, sink: LogSink) {
    this.#state = state;
    this.log = new LogBook(state.config.log, sink);
    this.#clock = new WallClock(state.network.wall, Date.now(), monotonic());
    this.ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
    });
  }

  status(): StatusReport {
    const [mesh, membership] = [this.#need(this.#mesh), this.#need(this.#membership)];
    const plane = this.#plane;
    const name = plane?.interfaceName ?? null;
    const view = mesh.status(monotonic());
    return {
      ...view,
      links: mesh.links(monotonic()),
      label: this.#state.network.label,
      version: this.#version,
      pid: process.pid,
      uptime: Math.floor(monotonic() - this.#started),
      port: plane?.port ?? this.#state.config.port,
      plane: this.#need(this.#planeInUse),
      interface:
        name === null
          ? null
          : { name, mtu: this.#state.config.mtu, addresses: this.#addresses.map(({ address }) => address) },
      prefix: this.#need(this.#ledger).roster().prefix4,
      member: view.members.some((member) => member.self),
      revokedBy: membership.revokedBy(),
    };
  }

  /** Ends the daemon; `ended` tells when. */
  stop(): void {
    this.#finish(null);
  }

  /** Something was thrown that nobody expected: it is logged, and the process ends with a failure. */
  crash(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.log.write({ level: 'error', kind: 'crash', member: null, text });
    this.#finish({ error });
  }

  #finish(failure: { readonly error: unknown } | null): void {
    if (this.#finishing) return;
    this.#finishing = true;
    void this.#close().then(() => {
      if (failure === null) this.#end.resolve();
      else this.#end.reject(failure.error);
    });
  }

  async #open(tun: boolean): Promise<void> {
    const { folder, network, identity, config } = this.#state;
    const crypto = nodeCrypto();
    const { ledger, file } = openLedger(fileIn(folder, 'ledger'), crypto, network.id);
    this.#ledger = ledger;
    this.#closers.push(() => file.close());
    if (file.repair !== null) {
      const { bytes, offset } = file.repair;
      this.#note('warn', 'ledger', `an interrupted write was cut off the ledger: ${bytes} bytes at ${offset}`);
    }
    const memory = new NetworkFileWriter(fileIn(folder, 'network'), network, (error) =>
      this.#note('warn', 'state', String(error)),
    );
    this.#memory = memory;
    const now = monotonic();
    this.#closers.push(() => {
      memory.update({ wall: this.#clock.at(monotonic()) });
      memory.flush();
    });
    const membership = new Membership({
      crypto,
      ledger,
      identity,
      wall: () => this.#clock.at(monotonic()),
      publish: (statement) => this.#act((mesh, at) => mesh.publish(statement, at)),
      waysIn: () => this.#waysIn(),
    });
    this.#membership = membership;
    const self = selfOf(crypto, identity);
    this.#refuseStranger(ledger, membership, self);
    this.#addresses = ownAddresses(ledger, self);

    const label = network.label;
    const name = interfaceName(config, label);
    const plane = await createNodePlane({
      crypto,
      events: this.#planeEvents(),
      port: config.port,
      ...(tun ? { tun: { name, mtu: config.mtu, addresses: this.#addresses, routes: [] } } : {}),
      onTunLost: () =>
        this.crash(new KithError('INTERFACE_FAILED', `the interface ${name} was removed by somebody else`)),
    });
    const { kind, reason } = plane;
    this.#plane = plane;
    this.#planeInUse = { kind, reason };
    this.#closers.push(() => plane.stop());
    this.#note(kind === 'native' ? 'info' : 'warn', 'plane', `${kind} data plane: ${reason}`);
    for (const hint of plane.hints) this.#note('warn', 'plane', hint);
    const own = plane.interfaceName === null ? [] : [plane.interfaceName];
    const mesh = new MeshNode(
      {
        crypto,
        plane: plane.plane,
        identity,
        wall: (at) => this.#clock.at(at),
        config: {
          staticEndpoints: config.endpoints,
          port: plane.port,
          relay: config.relay,
          location: config.location,
          remembered: network.remembered,
          version: this.#version,
          localAddresses: reachableAddresses(localAddresses(), own),
        },
        events: this.#meshEvents(file, ledger, self),
      },
      ledger,
    );
    this.#mesh = mesh;
    const driver = new TimerDriver([mesh]);
    this.#driver = driver;
    this.#closers.push(() => driver.stop());
    this.#act((node) => node.start(now));
    this.#closers.push(() => this.#act((node, at) => node.stop(at)));
    this.#closers.push(
      watchMachine(this.#clock, own, {
        addresses: (addresses, at) => this.#act((node) => node.handleLocalAddresses(addresses, at)),
        resumed: (at) => this.#act((node) => node.handleResume(at)),
      }),
    );
    const service = new DaemonService({
      daemon: this,
      membership,
      attend: () => this.#act((node, at) => node.attend(at)),
      useExits: (order) => this.#act((node, at) => node.useExits(order, at)),
      serveAsExit: (serves) => this.#act((node, at) => node.serveAsExit(serves, at)),
      ping: (id, timeout, done) => this.#act((node, at) => node.ping(id, timeout, at, done)),
      trace: (id) => this.#act((node, at) => node.trace(id, at)),
    });
    const server = await serveApi(service, fileIn(folder, 'socket'));
    this.#closers.push(() => server.close());
    this.#dropRights(tun);
    this.#note('info', 'up', `${label} is up: UDP port ${plane.port}, ${plane.interfaceName ?? 'no interface'}`);
  }

  /** A call of the mesh; it may have changed when it wants to be woken. */
  #act<T>(work: (mesh: MeshNode, now: number) => T): T {
    try {
      return work(this.#need(this.#mesh), monotonic());
    } finally {
      this.#driver?.rearm();
    }
  }

  /** Datagrams may come in before the mesh is there: they are dropped, as the network may drop them. */
  #planeEvents(): PlaneEvents {
    const tell = (work: (mesh: MeshNode) => void): void => {
      if (this.#mesh !== null) this.#act(work);
    };
    return {
      handshake: (message, origin, now) => tell((mesh) => mesh.handshake(message, origin, now)),
      control: (peer, payload, origin, now) => tell((mesh) => mesh.control(peer, payload, origin, now)),
      roamed: (peer, origin, now) => tell((mesh) => mesh.roamed(peer, origin, now)),
      confirmed: (peer, index, now) => tell((mesh) => mesh.confirmed(peer, index, now)),
      noSession: (peer, now) => tell((mesh) => mesh.noSession(peer, now)),
      noNextHop: (dst, now) => tell((mesh) => mesh.noNextHop(dst, now)),
    };
  }

  #meshEvents(file: LedgerFile, ledger: Ledger, self: NodeId): MeshEvents {
    return {
      statement: (bytes) => file.append(bytes),
      rosterChanged: () => this.#readdress(ownAddresses(ledger, self)),
      log: (entry) => this.log.write(entry),
      remember: (remembered) => this.#memory?.update({ remembered, wall: this.#clock.at(monotonic()) }),
      revoked: () => this.#takeDown(),
    };
  }

  /** The network gave this node other addresses than before: the interface follows. */
  #readdress(addresses: readonly OwnAddress[]): void {
    const name = this.#plane?.interfaceName ?? null;
    const before = this.#addresses;
    if (addresses.length === 0 || JSON.stringify(addresses) === JSON.stringify(before)) return;
    this.#addresses = addresses;
    const text = addresses.map(({ address }) => address).join(' and ');
    this.#note('warn', 'address', `this node's addresses are now ${text}`);
    if (name === null) return;
    const gone = before.filter((old) => !addresses.some(({ address }) => address === old.address));
    void configureInterface({ name, mtu: this.#state.config.mtu, addresses, routes: [] })
      .then(() => Promise.all(gone.map(({ address, length }) => dropAddress(name, address, length))))
      .catch((error: unknown) => this.#note('warn', 'address', String(error)));
  }

  /** Revoked: traffic has stopped; the interface goes, the API stays so that `kith status` can say why. */
  #takeDown(): void {
    const by = this.#membership?.revokedBy() ?? null;
    this.#note(
      'warn',
      'revoked',
      `this node was revoked by ${by ?? 'a conflict in the ledger'}: the interface is taken down`,
    );
    const plane = this.#plane;
    this.#plane = null;
    this.#addresses = [];
    // Not from within a call of the plane, which may be on the stack.
    setImmediate(() => void plane?.stop());
  }

  #refuseStranger(ledger: Ledger, membership: Membership, self: NodeId): void {
    const roster = ledger.roster();
    if (roster.members.has(self)) return;
    const by = membership.revokedBy();
    const why = by === null ? 'its invite was redeemed too often' : `it was revoked by ${by}`;
    throw new KithError('NODE_REVOKED', `this node is no member of ${roster.name} any more: ${why}`);
  }

  #waysIn(): WayIn[] {
    const status = this.#need(this.#mesh).status(monotonic());
    const others = status.members
      .filter((member) => !member.self && member.online && member.endpoints.length > 0)
      .toSorted((a, b) => Number(b.nat === 'public') - Number(a.nat === 'public'))
      .map(({ id, endpoints }) => ({ id, endpoints }));
    const remembered = (this.#memory?.file.remembered ?? []).filter(
      ({ id }) => !others.some((other) => other.id === id),
    );
    return [{ id: status.self, endpoints: status.endpoints }, ...others, ...remembered];
  }

  /** From here on only the interface is worked on: all other rights of root are given up. */
  #dropRights(tun: boolean): void {
    try {
      setCapabilities(tun ? ['net_admin'] : []);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#note('warn', 'rights', `the daemon keeps all rights it was started with: ${why}`);
    }
  }

  #note(level: 'info' | 'warn', kind: string, text: string): void {
    this.log.write({ level, kind, member: null, text });
  }

  #need<T>(part: T | null): T {
    if (part === null) throw new Error('the daemon is not open');
    return part;
  }

  async #close(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) {
      try {
        await close();
      } catch (error) {
        this.#note('warn', 'stop', String(error));
      }
    }
  }
}
