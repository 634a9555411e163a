/** What the process that plays the client is told on its standard input, as one line of JSON. */
import type { Address } from '@kith/core';

export interface Job {
  /** Code of the domain. */
  readonly domain: string;
  /** Hardware address that leases are asked with. */
  readonly mac: string;
  readonly gateway4: Address;
  readonly gateway6: Address;
  /** Bits of the domain's IPv4 prefix. */
  readonly length4: number;
  /** An address outside all pools, for a client that gets no lease; null where the prefix has none left. */
  readonly spare4: Address | null;
  /** An address for a client that hears no advertisement. */
  readonly spare6: Address;
  /** Zone of the gateway's own name. */
  readonly zone: string;
  /** Whether the gateway answers and asks as routers do. */
  readonly respondd: boolean;
  /** Beyond the exit. */
  readonly targets: readonly Address[];
  /** Bytes that a client's packet may have. */
  readonly mtu: number;
}

/** Provider that the doctor alone asks for: routers that hear the question have nothing to say to it. */
export const DOCTOR_QUESTION = 'GET kith-doctor';
