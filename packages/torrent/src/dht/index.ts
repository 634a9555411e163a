/** A node of the DHT without sockets: messages, routing, lookups, announces and stored values. */
export type { Tracked } from './announce-schedule.ts';
export type { Contact, Family } from './contact.ts';
export { type Datagram, type DhtCounts, type DhtEvent, DhtNode, type DhtNodeOptions } from './dht-node.ts';
export { DhtError } from './error.ts';
export {
  checkItem,
  type DhtItem,
  type ImmutableItem,
  isMutable,
  itemTarget,
  type MutableItem,
  mutableTarget,
  signItem,
} from './item.ts';
export { DHT_LIMITS, type DhtLimits } from './limits.ts';
export type { SearchOutcome } from './search.ts';
export { isSecureId, secureId } from './secure-id.ts';
export { encodeDhtState, type NodeState, parseDhtState } from './state.ts';
