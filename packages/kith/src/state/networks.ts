/** Which network a command means, on a machine that may be in several. */
import { readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { KithError, nearest, type NetworkId } from '@kith/core';
import { checkFolder, fileExists, stateError } from './files.ts';
import { readNetworkFile } from './network-file.ts';
import { fileIn, stateParent } from './paths.ts';

export interface NetworkChoice {
  /** `-n`: the label of a network. */
  readonly network?: string | undefined;
  /** `--state`: the folder of a network, wherever it is. */
  readonly state?: string | undefined;
}

function parentFolder(): string {
  return stateParent(process.env, process.geteuid?.() ?? 0);
}

/** The usual place for a network of that label. */
export function folderOf(label: string): string {
  return join(parentFolder(), label);
}

/** Labels of the networks below the parent folder, sorted. */
export function listNetworks(): string[] {
  const parent = parentFolder();
  if (!fileExists(parent)) return [];
  try {
    return readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && fileExists(fileIn(join(parent, entry.name), 'network')))
      .map((entry) => entry.name)
      .toSorted();
  } catch (error) {
    throw stateError(error, parent, 'list');
  }
}

/**
 * The folder for a network that is about to be made or joined.
 * @param joining id of the network that an invite leads to; null for a new network
 * @throws KithError NETWORK_EXISTS, INVITE_WRONG_NETWORK
 */
export function newFolder(choice: NetworkChoice, label: string, joining: NetworkId | null): string {
  const folder = choice.state === undefined ? folderOf(label) : resolve(choice.state);
  const path = fileIn(folder, 'network');
  if (!checkFolder(folder) || !fileExists(path)) return folder;
  const { id, label: held } = readNetworkFile(path);
  if (joining === null || joining === id) {
    throw new KithError('NETWORK_EXISTS', `${folder} already holds the network ${held}`);
  }
  throw new KithError(
    'INVITE_WRONG_NETWORK',
    `the invite is for network ${joining.slice(0, 8)}…, but ${folder} holds ${held} (${id.slice(0, 8)}…): choose another label with \`-n LABEL\``,
  );
}

/**
 * The folder of the network that is meant: `--state`, `-n`, or the only one there is.
 * @throws KithError NETWORK_UNKNOWN, NETWORK_AMBIGUOUS and those of `checkFolder`
 */
export function findFolder(choice: NetworkChoice): string {
  if (choice.state !== undefined) {
    const folder = resolve(choice.state);
    if (!checkFolder(folder)) throw new KithError('NETWORK_UNKNOWN', `there is no state folder ${folder}`);
    return folder;
  }
  const parent = parentFolder();
  if (choice.network !== undefined) {
    const folder = join(parent, choice.network);
    if (basename(folder) === choice.network && checkFolder(folder)) return folder;
    const guess = nearest(choice.network, listNetworks());
    const hint = guess === null ? '' : `, did you mean ${JSON.stringify(guess)}?`;
    throw new KithError('NETWORK_UNKNOWN', `no network ${JSON.stringify(choice.network)} in ${parent}${hint}`);
  }
  const labels = listNetworks();
  if (labels.length === 0)
    throw new KithError('NETWORK_UNKNOWN', `this machine is in no network (looked in ${parent})`);
  if (labels.length > 1) {
    throw new KithError('NETWORK_AMBIGUOUS', `which network is meant: ${labels.join(', ')}?`);
  }
  const folder = join(parent, labels[0] as string);
  checkFolder(folder);
  return folder;
}
