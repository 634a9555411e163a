/** The ledger without a daemon: opened, changed and closed by one command, which holds the network's lock meanwhile. */
import { endpointOf, KithError, nodeIdOf, nodeKeyOf } from '@kith/core';
import { nodeCrypto } from '@kith/dataplane';
import { localAddresses, reachableAddresses } from '../daemon/addresses.ts';
import { openLedger } from '../state/ledger.ts';
import { takeLock } from '../state/lock.ts';
import { fileIn } from '../state/paths.ts';
import { loadState, type State } from '../state/state.ts';
import { Membership, type WayIn } from './membership.ts';

/** This node by its configured and its local addresses, then the members whose addresses it remembers. */
function waysIn(state: State, self: WayIn['id']): WayIn[] {
  const { config, network } = state;
  const local = config.port === 0 ? [] : reachableAddresses(localAddresses(), []);
  const endpoints = [...config.endpoints, ...local.map((address) => endpointOf(address, config.port))];
  return [{ id: self, endpoints }, ...network.remembered.filter(({ id }) => id !== self)];
}

/**
 * @param verb what the lock is taken for
 * @throws KithError ALREADY_RUNNING, those of the state folder, and whatever `work` throws
 */
export async function offline<T>(folder: string, verb: string, work: (membership: Membership) => T): Promise<T> {
  const lock = takeLock(folder, verb);
  try {
    const state = await loadState(folder);
    const crypto = nodeCrypto();
    const { ledger, file } = openLedger(fileIn(folder, 'ledger'), crypto, state.network.id);
    try {
      ledger.onAdded = (_hash, bytes) => file.append(bytes);
      const membership = new Membership({
        crypto,
        ledger,
        identity: state.identity,
        wall: () => Math.max(Date.now(), state.network.wall),
        publish: (statement) => {
          const result = ledger.add(statement);
          if (result.kind === 'refused') throw new KithError('STATEMENT_INVALID', result.reason);
        },
        waysIn: () => waysIn(state, nodeIdOf(crypto, nodeKeyOf(crypto, state.identity.node))),
      });
      return work(membership);
    } finally {
      file.close();
    }
  } finally {
    lock.release();
  }
}
