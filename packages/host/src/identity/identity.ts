/**
 * What is drawn once per gateway and never printed: private keys, each in a file of the gateway's folder that only root
 * may read. What is told are their public halves.
 *
 *     fastd.secret     secret "…";          as fastd includes it
 *     wireguard.key    44 characters        as WireGuard's tools read it
 *     seeds.json       {"dublin": "…"}      64 hexadecimal digits; the same on every gateway of the community
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, KithError } from '@kith/core';
import type { GatewayFile, Identity } from '@kith/gateway';
import { createFile, replaceFile } from '../apply/durable.ts';
import { fieldsOf } from '../apply/record.ts';
import { must } from '../command.ts';

type Settings = GatewayFile['settings'];

const SEED = /^[0-9a-f]{64}$/;
const FASTD_SECRET = /^secret "([0-9a-f]{64})";\n$/;
const WIREGUARD_KEY = /^[A-Za-z0-9+/]{43}=\n$/;
/** X25519 in PKCS #8, RFC 8410 section 7: the 32 bytes of the key stand behind. */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const LARGEST = 1 << 20;

/**
 * Draws what the file needs and is not there yet. A gateway without tunnels needs nothing.
 *
 * @param folder the gateway's state; it is made where it is missing
 * @throws KithError STATE_CORRUPT for a key file that holds no key, STATE_PERMISSIONS for one that others can read,
 *   STATE_DENIED without the right to read or write them, HOST_COMMAND_FAILED when fastd fails
 */
export async function identityIn(folder: string, settings: Settings): Promise<Identity> {
  const { fastd, wireguard } = settings.vpn;
  if (fastd === null && wireguard === null) return { seeds: {}, fastd: null, wireguard: null };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    return {
      seeds: seedsIn(join(folder, 'seeds.json'), settings),
      fastd: fastd === null ? null : await fastdKey(join(folder, 'fastd.secret')),
      wireguard: wireguard === null ? null : wireGuardKey(join(folder, 'wireguard.key')),
    };
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error))) throw error;
    throw new KithError('STATE_DENIED', `the keys in ${folder} cannot be read or written: run it with sudo`, {
      cause: error,
    });
  }
}

function seedsIn(path: string, { domains }: Settings): Record<string, string> {
  const text = readSecret(path);
  const seeds = text === null ? {} : parseSeeds(text);
  if (seeds === null) throw corrupt(path, 'seeds');
  const missing = domains.filter(({ code }) => !(code in seeds));
  if (missing.length === 0) return seeds;
  const drawn = missing.map(({ code }) => [code, randomBytes(32).toString('hex')]);
  const all = { ...seeds, ...Object.fromEntries(drawn) };
  replaceFile(path, `${JSON.stringify(all, null, 2)}\n`, 0o600);
  return all;
}

/** Null for what are no seeds. */
export function parseSeeds(text: string): Record<string, string> | null {
  try {
    const entries = Object.entries(fieldsOf(JSON.parse(text)) ?? { '': null });
    const seeds = entries.filter((entry): entry is [string, string] => SEED.test(String(entry[1])));
    return seeds.length === entries.length ? Object.fromEntries(seeds) : null;
  } catch {
    return null;
  }
}

/** Null without fastd: the file is refused for want of it, with the line that installs it. */
async function fastdKey(path: string): Promise<string | null> {
  try {
    if (readSecret(path) === null) {
      const [secret = ''] = (await must(['fastd', '--generate-key', '--machine-readable'])).split('\n');
      createFile(path, `secret "${secret}";\n`, 0o600);
    }
    if (!FASTD_SECRET.test(readSecret(path) ?? '')) throw corrupt(path, 'secret of fastd');
    return (await must(['fastd', '--config', path, '--show-key', '--machine-readable'])).trim();
  } catch (error) {
    if (error instanceof KithError && error.code === 'HOST_PROGRAM_MISSING') return null;
    throw error;
  }
}

function wireGuardKey(path: string): string {
  if (readSecret(path) === null) {
    const drawn = generateKeyPairSync('x25519').privateKey.export({ format: 'der', type: 'pkcs8' });
    createFile(path, `${drawn.subarray(PKCS8.length).toString('base64')}\n`, 0o600);
  }
  const text = readSecret(path) ?? '';
  if (!WIREGUARD_KEY.test(text)) throw corrupt(path, 'private key');
  const der = Buffer.concat([PKCS8, Buffer.from(text, 'base64')]);
  const publicKey = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
}

/** Null where there is none. */
function readSecret(path: string): string | null {
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o077) !== 0) {
      throw new KithError('STATE_PERMISSIONS', `others can read the keys in ${path}: chmod 0600 ${path}`);
    }
    if (size > LARGEST) throw corrupt(path, 'keys');
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function corrupt(path: string, what: string): KithError {
  return new KithError(
    'STATE_CORRUPT',
    `${path} holds no ${what}: restore it from a backup, or move it away and a new one is drawn`,
  );
}
