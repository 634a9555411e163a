/** Limits of the kernel, from how many clients there can be and how much memory the machine has. */

export interface Neighbours {
  readonly thresh1: number;
  readonly thresh2: number;
  readonly thresh3: number;
}

/** The next power of two that is not smaller. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}

/** Room for each client once, and for IPv6 twice more: its stable and its temporary address. */
export function neighboursFor(clients: number): Neighbours {
  const thresh3 = Math.min(131_072, Math.max(4096, powerOfTwo(clients * 2)));
  return { thresh1: thresh3 / 4, thresh2: thresh3 / 2, thresh3 };
}

/** Bytes that the kernel keeps for a connection, buckets included. */
const CONNECTION = 384;
const CONNECTIONS_OF_A_CLIENT = 128;

/** Connections that are followed: 128 of each client, in an eighth of the memory. */
export function conntrackFor(clients: number, memoryBytes: number): number {
  const wanted = powerOfTwo(Math.max(65_536, clients * CONNECTIONS_OF_A_CLIENT));
  const room = 2 ** Math.floor(Math.log2(Math.max(1, memoryBytes / 8 / CONNECTION)));
  return Math.max(32_768, Math.min(wanted, room, 4_194_304));
}

/**
 * How long a lease lasts (s). With a second gateway clients shall find it soon when the first one is gone; a small pool
 * has to come round with the guests of an evening.
 */
export function leaseFor(pool: number, gateways: number): number {
  if (pool < 256) return 600;
  return gateways > 1 ? 600 : 3600;
}
