/**
 * What a node wants to know after a restart, as bencoding: `id` and `id6` (20 bytes each), `nodes` and `nodes6` (compact),
 * the nodes that answered last first.
 */
import { BencodedDict, BencodeError, bytes, decode, encode } from '../bencode.ts';
import { type Contact, type Family, ID_LENGTH, packNodes, unpackNodes } from './contact.ts';
import { DhtError, ERROR_CODE } from './error.ts';

export interface NodeState {
  readonly id: Uint8Array;
  readonly contacts: readonly Contact[];
}

const MOST_NODES = 200;
const LIMITS = { bytes: 65_536, depth: 2, values: 16 };

export function encodeDhtState(states: ReadonlyMap<Family, NodeState>): Uint8Array {
  const entries = new Map<string, Uint8Array>();
  for (const [family, { id, contacts }] of states) {
    entries.set(family === 4 ? 'id' : 'id6', id);
    entries.set(family === 4 ? 'nodes' : 'nodes6', packNodes(contacts.slice(0, MOST_NODES), family));
  }
  return encode(entries);
}

/** @throws DhtError */
export function parseDhtState(encoded: Uint8Array): Map<Family, NodeState> {
  try {
    const state = decode(new Uint8Array(encoded), LIMITS);
    if (!(state instanceof BencodedDict)) throw new DhtError(ERROR_CODE.generic, 'the state is no dictionary');
    const states = new Map<Family, NodeState>();
    for (const family of [4, 6] as const) {
      const id = bytes(state, family === 4 ? 'id' : 'id6');
      const nodes = bytes(state, family === 4 ? 'nodes' : 'nodes6');
      if (id?.length !== ID_LENGTH || nodes === undefined) continue;
      states.set(family, { id: id.slice(), contacts: unpackNodes(nodes, family, MOST_NODES) });
    }
    return states;
  } catch (error) {
    if (error instanceof BencodeError) throw new DhtError(ERROR_CODE.generic, error.message);
    throw error;
  }
}
