/** Endpoints are text; the network takes each apart once and remembers the parts. */
import { endpointParts, parseEndpoint } from '@kith/core';
import type { Address, Endpoint } from '@kith/core';

export interface EndpointEntry {
  readonly endpoint: Endpoint;
  readonly address: Address;
  readonly port: number;
  readonly family: 4 | 6;
  /** Multicast (RFC 5771, RFC 4291 section 2.7) or the limited broadcast address. */
  readonly group: boolean;
  /** 32-bit hash of the text, for the hash of a trace. */
  readonly hash: number;
}

/** A flood from made-up endpoints must not grow the memory of a long run. */
const CAPACITY = 1 << 17;

function isGroup(address: Address): boolean {
  if (address.includes(':')) return address.startsWith('ff');
  const first = Number(address.slice(0, address.indexOf('.')));
  return (first >= 224 && first < 240) || address === '255.255.255.255';
}

export class EndpointBook {
  readonly #entries = new Map<Endpoint, EndpointEntry>();

  /** @throws KithError ADDRESS_INVALID for text that never was an endpoint */
  get(endpoint: Endpoint): EndpointEntry {
    const known = this.#entries.get(endpoint);
    if (known !== undefined) return known;
    const { address, port } = endpointParts(parseEndpoint(endpoint));
    let hash = 0x811c9dc5;
    for (let i = 0; i < endpoint.length; i++) hash = Math.imul(hash ^ endpoint.charCodeAt(i), 0x01000193);
    const family = address.includes(':') ? 6 : 4;
    const entry: EndpointEntry = { endpoint, address, port, family, group: isGroup(address), hash };
    if (this.#entries.size >= CAPACITY) this.#entries.clear();
    this.#entries.set(endpoint, entry);
    return entry;
  }
}
