/** A network's folder as a whole: made by `kith init` and `kith join`, loaded by everything else. */
import { type Crypto, generateSecret, type Label, type NetworkId, type NodeId, nodeIdOf, nodeKeyOf } from '@kith/core';
import type { MeshIdentity } from '@kith/mesh';
import { readConfig, writeConfig } from '../config/config.ts';
import type { Config } from '../config/schema.ts';
import { fileExists, makeFolder } from './files.ts';
import { readKeyFile, writeKeyFile } from './key-file.ts';
import { type NetworkFile, readNetworkFile } from './network-file.ts';
import { fileIn } from './paths.ts';

export interface State {
  readonly folder: string;
  readonly network: NetworkFile;
  readonly identity: MeshIdentity;
  readonly config: Config;
}

/** @throws KithError STATE_*, CONFIG_* */
export async function loadState(folder: string): Promise<State> {
  const network = readNetworkFile(fileIn(folder, 'network'));
  const identity = readIdentity(folder);
  return { folder, network, identity, config: await readConfig(fileIn(folder, 'config')) };
}

function readIdentity(folder: string): MeshIdentity {
  return {
    node: readKeyFile(fileIn(folder, 'nodeKey'), 'node'),
    tunnel: readKeyFile(fileIn(folder, 'tunnelKey'), 'tunnel'),
  };
}

/**
 * The folder with keys and configuration. Keys that an attempt before left there are used again: a join that was cut
 * off after the network had heard of it so ends well at the second try.
 */
export function prepareState(folder: string, crypto: Crypto, config: Partial<Config>): MeshIdentity {
  makeFolder(folder);
  for (const role of ['node', 'tunnel'] as const) {
    const path = fileIn(folder, `${role}Key`);
    if (!fileExists(path)) writeKeyFile(path, role, generateSecret(crypto));
  }
  writeConfig(fileIn(folder, 'config'), config);
  return readIdentity(folder);
}

export function selfOf(crypto: Crypto, identity: MeshIdentity): NodeId {
  return nodeIdOf(crypto, nodeKeyOf(crypto, identity.node));
}

/** What `network.json` says of a network that was just founded or joined. */
export function newNetworkFile(label: Label, id: NetworkId, wall: number): NetworkFile {
  return { label, id, remembered: [], wall };
}
