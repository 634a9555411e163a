/** `kith init`: keys, founding statement, state. Touches nothing outside its folder. */
import {
  KithError,
  parseAddress,
  parseLabel,
  parsePrefix,
  type Prefix,
  prefixParts,
  tunnelKeyOf,
  nodeKeyOf,
} from '@kith/core';
import { nodeCrypto, readUsedPrefixes, refuseOverlap, type UsedPrefix } from '@kith/dataplane';
import { found, Ledger, networkIdOf } from '@kith/mesh';
import { interfaceName } from '../../config/schema.ts';
import { freePrefix } from '../../daemon/addresses.ts';
import { createLedgerFile } from '../../state/ledger.ts';
import { takeLock } from '../../state/lock.ts';
import { newFolder } from '../../state/networks.ts';
import { writeNetworkFile } from '../../state/network-file.ts';
import { fileIn } from '../../state/paths.ts';
import { newNetworkFile, prepareState } from '../../state/state.ts';
import { makeFolder } from '../../state/files.ts';
import type { Context } from '../context.ts';
import type { Result } from '../output.ts';
import { settingsFrom, type SettingOptions } from '../settings.ts';

const DEFAULT_LABEL = 'kith';
const DEFAULT_PREFIX = '10.0.0.0/24';

export interface InitOptions extends SettingOptions {
  readonly name: string;
  readonly prefix: string | undefined;
  readonly address: string | undefined;
}

/** Prefixes in use here; none where the tools to ask are missing: `kith up` asks again before it touches anything. */
async function usedHere(except: string): Promise<readonly UsedPrefix[]> {
  try {
    return await readUsedPrefixes(except);
  } catch (error) {
    if (error instanceof KithError && error.code === 'INTERFACE_FAILED') return [];
    throw error;
  }
}

function checkOverlap(prefix: Prefix, used: readonly UsedPrefix[]): void {
  try {
    refuseOverlap([prefix], used);
  } catch (error) {
    const free = freePrefix(used.map((other) => other.prefix));
    if (!(error instanceof KithError) || free === null) throw error;
    throw new KithError(error.code, `${error.message}; ${free} is free here: --prefix ${free}`, { cause: error });
  }
}

/** The first host of a prefix. */
function firstHost(prefix: Prefix): string {
  const { address } = prefixParts(prefix);
  return address.replace(/\d+$/, (last) => String(Number(last) + 1));
}

export async function init(context: Context, options: InitOptions): Promise<Result> {
  const label = parseLabel(context.network ?? DEFAULT_LABEL, 'network label');
  const name = parseLabel(options.name, 'member name');
  const prefix4 = parsePrefix(options.prefix ?? DEFAULT_PREFIX);
  const address = parseAddress(options.address ?? firstHost(prefix4));
  const settings = await settingsFrom(options);
  const folder = newFolder(context, label, null);
  checkOverlap(prefix4, await usedHere(interfaceName(settings, label)));

  const crypto = nodeCrypto();
  makeFolder(folder);
  const lock = takeLock(folder, 'init');
  try {
    const identity = prepareState(folder, crypto, settings);
    const issuer = { seed: identity.node, key: nodeKeyOf(crypto, identity.node) };
    const tunnelKey = tunnelKeyOf(crypto, identity.tunnel);
    const at = Date.now();
    const founding = found({ crypto, issuer, at, network: label, prefix4, tunnelKey, name, address });
    const id = networkIdOf(crypto, founding);
    const ledger = new Ledger({ crypto, network: id });
    ledger.add(founding);
    const self = [...ledger.roster().members.values()][0];
    createLedgerFile(fileIn(folder, 'ledger'), [founding]);
    // Written last: a folder without it is no network yet.
    writeNetworkFile(fileIn(folder, 'network'), newNetworkFile(label, id, at));
    const json = { network: id, label, folder, name, prefix: prefix4, address, address6: self?.address6 };
    const text = [
      `founded ${label} (${prefix4}); this machine is ${name}, ${address}`,
      `state is in ${folder}`,
      'next: kith up, then kith invite NAME for every other machine',
    ];
    return { json, text: text.join('\n') };
  } finally {
    lock.release();
  }
}
