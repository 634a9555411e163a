/** Where state lives: one folder per network below one parent folder. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The files of a network's folder, by what they hold; docs/state.md describes each. */
const FILES = {
  nodeKey: 'node.key',
  tunnelKey: 'tunnel.key',
  ledger: 'ledger.cbor',
  network: 'network.json',
  config: 'config.yaml',
  lock: 'lock',
  holder: 'lock.holder',
  socket: 'daemon.sock',
  log: 'daemon.log',
  stderr: 'daemon.stderr',
  share: 'share.json',
  web: 'web.json',
} as const;

/** The folder that holds the networks' folders: `KITH_STATE`, else the system's (root) or the user's place for state. */
export function stateParent(env: NodeJS.ProcessEnv, uid: number): string {
  if (env['KITH_STATE']) return env['KITH_STATE'];
  if (uid === 0) return '/var/lib/kith';
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'kith');
}

/** The folder of the share process, beside those of the networks: no label begins with a dot. */
export function shareFolder(env: NodeJS.ProcessEnv, uid: number): string {
  return join(stateParent(env, uid), '.share');
}

/** The folder of the face, likewise. */
export function faceFolder(env: NodeJS.ProcessEnv, uid: number): string {
  return join(stateParent(env, uid), '.web');
}

export function fileIn(folder: string, file: keyof typeof FILES): string {
  return join(folder, FILES[file]);
}

/** All files that kith itself writes into a network's folder, except the lock. */
export function stateFiles(folder: string): string[] {
  const names = Object.entries(FILES).flatMap(([key, name]) => (key === 'lock' ? [] : [name]));
  return [...names, `${FILES.log}.1`].map((name) => join(folder, name));
}
