/** Every key of config.yaml: what it may hold, its default, and what to tell a person who wrote something else. */
import { type Endpoint, parseEndpoint } from '@kith/core';
import type { Location } from '@kith/mesh';

export type LogLevel = 'debug' | 'info' | 'warn';

export interface Config {
  /** UDP port, the one thing that other machines must be able to reach; 0 takes any free port at each start. */
  readonly port: number;
  /** Name of the network interface; null: `kith-` and the network's label, cut to the system's 15 characters. */
  readonly interface: string | null;
  /** Bytes of the largest IP packet that the interface takes. */
  readonly mtu: number;
  /** Where this node can be reached from outside, known beforehand: a public server, a forwarded port. */
  readonly endpoints: readonly Endpoint[];
  /** Whether this node forwards for members that cannot reach each other. */
  readonly relay: boolean;
  /** Where this machine stands, told to the network's members for their maps; null tells nobody. */
  readonly location: Location | null;
  /** Least level that is logged. */
  readonly log: LogLevel;
}

export const DEFAULTS: Config = {
  port: 6550,
  interface: null,
  // The least that IPv6 allows: it passes everywhere, see DEFAULT_MTU of @kith/dataplane.
  mtu: 1280,
  endpoints: [],
  relay: true,
  location: null,
  log: 'info',
};

/** Thrown by a rule; the message completes `… is not allowed: `. */
export class Refusal extends Error {}

function integer(least: number, most: number): (value: unknown) => number {
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new Refusal(`it must be a whole number from ${least} to ${most}`);
  };
}

function interfaceLabel(value: unknown): string {
  // The limits of the kernel: 15 characters, no slash, no space, no colon.
  if (typeof value === 'string' && /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,14}$/.test(value)) return value;
  throw new Refusal('it must have 1 to 15 letters, digits, dots, hyphens or underscores');
}

function endpointList(value: unknown): Endpoint[] {
  if (!Array.isArray(value)) throw new Refusal('it must be a list like [203.0.113.7:6550]');
  if (value.length > 8) throw new Refusal('it may have at most 8 entries');
  return value.map((entry: unknown) => {
    try {
      return parseEndpoint(String(entry));
    } catch (error) {
      throw new Refusal(error instanceof Error ? error.message : String(error));
    }
  });
}

function boolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new Refusal('it must be true or false');
}

function location(value: unknown): Location {
  const [latitude, longitude, ...rest]: unknown[] = Array.isArray(value) ? value : [];
  const within = (degrees: unknown, most: number): degrees is number =>
    typeof degrees === 'number' && Math.abs(degrees) <= most;
  if (within(latitude, 90) && within(longitude, 180) && rest.length === 0) return { latitude, longitude };
  throw new Refusal('it must be degrees north and east like [53.35, -6.26]');
}

function logLevel(value: unknown): LogLevel {
  if (value === 'debug' || value === 'info' || value === 'warn') return value;
  throw new Refusal('it must be debug, info or warn');
}

/** The rules, in the order in which `kith init` writes the keys. */
export const RULES: { readonly [Key in keyof Config]: (value: unknown) => Config[Key] } = {
  port: integer(0, 65535),
  interface: interfaceLabel,
  mtu: integer(1280, 9000),
  endpoints: endpointList,
  relay: boolean,
  location,
  log: logLevel,
};

/** The interface of a network: the configured name, else `kith-LABEL` (`LABEL` if that says kith already), 15 characters. */
export function interfaceName(config: Pick<Partial<Config>, 'interface'>, label: string): string {
  return config.interface ?? (label.startsWith('kith') ? label : `kith-${label}`).slice(0, 15).replace(/-+$/, '');
}
