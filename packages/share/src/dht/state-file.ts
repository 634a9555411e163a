/** The nodes that were known, in a file: the next start finds its way without anybody's help. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { dht } from '@kith/torrent';

type States = Map<dht.Family, dht.NodeState>;

/** Nothing where there is no file, or one that is none of ours. */
export async function loadStates(path: string | undefined): Promise<States> {
  if (path === undefined) return new Map();
  try {
    return dht.parseDhtState(await readFile(path));
  } catch {
    return new Map();
  }
}

/** Whole or not at all: a crash leaves the file before. */
export async function saveStates(path: string, states: States): Promise<void> {
  await writeFile(`${path}.new`, dht.encodeDhtState(states), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
