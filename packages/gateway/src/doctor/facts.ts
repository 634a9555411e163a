/**
 * What the doctor of a gateway looks at: what its host says of itself, and what a client of each domain got. Plain data,
 * so that it may come from another process, from a recording, or from a test.
 */
import type { Address } from '@kith/core';
import type { Change } from '../plan.ts';

/** Everything there is to judge by. */
export interface GatewayFacts {
  readonly machine: MachineFacts;
  /** What keeps the host from being as the file wants it: the changes of the plan. */
  readonly drift: readonly Change[];
  readonly tables: readonly TableFacts[];
  /** Tables of others that drop packets in the hooks that clients pass. */
  readonly otherFirewalls: readonly OtherFirewall[];
  /** Null: nobody supervises them. */
  readonly daemons: readonly DaemonFacts[] | null;
  readonly exit: ExitFacts;
  /** The servers that names of the world are asked from. */
  readonly upstreams: readonly UpstreamFacts[];
  readonly disks: readonly DiskFacts[];
  /** Addresses and prefixes that are banned. */
  readonly banned: readonly string[];
  readonly fastd: readonly FastdFacts[];
  readonly wireguard: readonly WireGuardFacts[];
  readonly batman: readonly BatmanFacts[];
  readonly clients: readonly ClientFacts[];
}

export interface MachineFacts {
  /** As `uname -r` says it. */
  readonly kernel: string;
  readonly hasBatman: boolean;
  /** Names of programs that the gateway needs and the host lacks. */
  readonly missing: readonly string[];
  /** Entries in the table of connections, and how many fit; null where the kernel does not say. */
  readonly conntrack: Fill | null;
  /** Entries in the tables of neighbours and their hard limit; null where it is not this namespace's to say. */
  readonly neighbours4: Fill | null;
  readonly neighbours6: Fill | null;
  /** Version that fastd says it has: `22`; null where it is not asked. */
  readonly fastd: string | null;
}

export interface Fill {
  readonly count: number;
  readonly most: number;
}

/** A table of kith's, rule by rule, beside what the same text makes in a namespace of its own. */
export interface TableFacts {
  readonly name: string;
  readonly isThere: boolean;
  readonly rules: readonly RuleFacts[];
}

export interface RuleFacts {
  readonly chain: string;
  /** What {@link ruleIdOf} finds in its comment; the comment itself for a rule that is not kith's. */
  readonly id: string;
  readonly state: 'as-wanted' | 'missing' | 'changed' | 'foreign';
  /** Packets that it met while the clients asked. */
  readonly packets: number;
}

/** A chain that kith did not make. */
export interface OtherFirewall {
  /** `ip filter`. */
  readonly table: string;
  readonly chain: string;
  readonly hook: 'input' | 'forward' | 'prerouting' | 'postrouting';
  /** Whether what no rule accepts is dropped. */
  readonly drops: boolean;
}

export interface DaemonFacts {
  readonly name: string;
  readonly state: 'starting' | 'ready' | 'failing' | 'stopping';
  /** Milliseconds that it has been in this state. */
  readonly age: number;
  readonly restarts: number;
  readonly lastWords: readonly string[];
}

export interface ExitFacts {
  readonly interface: string;
  readonly link: 'up' | 'no-carrier' | 'down' | 'missing';
  readonly route4: RouteFacts | null;
  readonly route6: RouteFacts | null;
  /** What the clients' packets were sent to, beyond the exit. */
  readonly targets: readonly TargetFacts[];
  /** Null where neither clients leave through the mesh nor members leave here. */
  readonly mesh: MeshFacts | null;
}

export interface MeshFacts {
  /** The member that is left through, and why this one or none; null where clients do not leave through the mesh. */
  readonly leaves: { readonly used: string | null; readonly reason: string } | null;
  /** Whether this machine may be left through, by the mesh's ledger and by its own word. */
  readonly standing: 'none' | 'granted' | 'serving';
}

/** The way out that the clients' packets take. */
export interface RouteFacts {
  /** Null: on the link itself. */
  readonly via: Address | null;
  readonly device: string;
}

export interface TargetFacts {
  readonly address: Address;
  /** Whether the host itself gets an answer from it. */
  readonly answersHost: boolean;
}

export interface UpstreamFacts {
  readonly address: Address;
  /** Null: it answered; otherwise why not, for a person. */
  readonly complaint: string | null;
  /** It answers, and tells nobody about the root: that says nothing of what it tells about other names. */
  readonly refuses: boolean;
}

export interface DiskFacts {
  readonly path: string;
  /** Bytes. */
  readonly free: number;
  readonly size: number;
  /** Files that may still be made; null where the file system does not count. */
  readonly freeFiles: number | null;
}

export interface FastdFacts {
  readonly domain: string;
  /** Null: the status socket did not answer. */
  readonly established: number | null;
  readonly peers: number | null;
}

export interface WireGuardFacts {
  readonly domain: string;
  /** Seconds since the last handshake; null: never. */
  readonly peers: readonly {
    readonly publicKey: string;
    readonly handshake: number | null;
    readonly received: number;
  }[];
}

export interface BatmanFacts {
  readonly domain: string;
  readonly neighbours: readonly { readonly address: string; readonly interface: string }[];
  readonly originators: number;
  readonly clients: number;
  /** Hardware addresses of this gateway that another node claims. */
  readonly duplicates: readonly string[];
}

/** What one client got, who came into the bridge of a domain with nothing but a cable. */
export interface ClientFacts {
  readonly domain: string;
  /** Null: the client was there; otherwise why it could not be, and nothing below counts. */
  readonly complaint: string | null;
  readonly offers: readonly Offer[];
  readonly lease: Lease | null;
  /** What it asked with over IPv4: the lease's address, or a spare one; null: none. */
  readonly address4: Address | null;
  readonly advertisements: readonly Advertisement[];
  /** The address that it made itself from an advertisement. */
  readonly address6: Address | null;
  /** Hardware addresses that answered for the gateway's IPv4 address. */
  readonly owners: readonly string[];
  readonly answers: readonly ServiceAnswer[];
  readonly respondd: readonly ResponddAnswer[];
  readonly beyond: readonly Beyond[];
}

/** What a DHCP server offered. */
export interface Offer {
  /** As it names itself. */
  readonly server: Address;
  /** Of the frame. */
  readonly mac: string;
  readonly address: Address;
}

export interface Lease {
  readonly server: Address;
  readonly address: Address;
  readonly netmask: Address | null;
  readonly routers: readonly Address[];
  readonly dns: readonly Address[];
  readonly ntp: readonly Address[];
  readonly mtu: number | null;
  readonly domain: string | null;
  /** Seconds. */
  readonly time: number | null;
}

export interface Advertisement {
  /** Link-local address of the router. */
  readonly router: Address;
  readonly mac: string;
  /** Seconds; 0: no default router. */
  readonly lifetime: number;
  readonly mtu: number | null;
  readonly prefixes: readonly { readonly prefix: string; readonly autonomous: boolean; readonly lifetime: number }[];
  /** Resolvers, RFC 8106. */
  readonly dns: readonly Address[];
}

/** `ping`: the gateway itself. `dns-world`: a name that the gateway has to ask for. */
export type ClientService = 'ping' | 'dns-udp' | 'dns-tcp' | 'dns-world' | 'ntp';

export interface ServiceAnswer {
  readonly service: ClientService;
  readonly family: 4 | 6;
  /** Null: answered as it should; otherwise what came instead, for a person. */
  readonly complaint: string | null;
  /** Of an answer to `ntp`. */
  readonly stratum?: number;
}

/** `asked`: a router asked the group, and the gateway has to answer. `answered`: the gateway asked, and a router's answer has to get in. */
export interface ResponddAnswer {
  readonly group: 'link' | 'site';
  readonly direction: 'asked' | 'answered';
  readonly arrived: boolean;
}

/** Whether a client's packets come back from beyond the exit. */
export interface Beyond {
  readonly target: Address;
  readonly reached: boolean;
  /** Largest packet that got there in one piece; null where none did. */
  readonly widest: number | null;
}
