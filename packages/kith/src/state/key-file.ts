/** Private keys on disk: one line, the role as prefix and 32 bytes in base64url, mode 0600. */
import { fromBase64Url, KithError, SecretKey, toBase64Url } from '@kith/core';
import { readStateFile, replaceFile } from './files.ts';

export type KeyRole = 'node' | 'tunnel';

function prefixFor(role: KeyRole): string {
  return `kith-${role}-secret:`;
}

/** @throws KithError STATE_CORRUPT (never with a part of the key in it) and those of `readStateFile` */
export function readKeyFile(path: string, role: KeyRole): SecretKey {
  const text = readStateFile(path, true);
  const prefix = prefixFor(role);
  const line = text.endsWith('\n') ? text.slice(0, -1) : text;
  if (!line.startsWith(prefix)) {
    const other = role === 'node' ? 'tunnel' : 'node';
    const why = line.startsWith(prefixFor(other)) ? `it holds a ${other} key` : `it does not start with "${prefix}"`;
    throw new KithError('STATE_CORRUPT', `${path} is no ${role} key: ${why}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = fromBase64Url(line.slice(prefix.length));
  } catch {
    throw new KithError('STATE_CORRUPT', `${path} is damaged: what follows "${prefix}" is not base64url`);
  }
  if (bytes.length !== 32) {
    throw new KithError('STATE_CORRUPT', `${path} is damaged: the key has ${bytes.length} bytes instead of 32`);
  }
  return new SecretKey(bytes);
}

export function writeKeyFile(path: string, role: KeyRole, key: SecretKey): void {
  replaceFile(path, `${prefixFor(role)}${toBase64Url(key.reveal())}\n`);
}
