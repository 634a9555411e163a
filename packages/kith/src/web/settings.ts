/** `web.json`: what the face remembers besides its history. */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileExists, readStateFile, replaceFile } from '../state/files.ts';

export interface FaceSettings {
  /** TCP port, on loopback and in the networks. */
  readonly port: number;
  /** Opens the page on this machine. */
  readonly token: string;
  /** Whether members may look through the network. */
  readonly mesh: boolean;
  /** Folder that what is fetched from the shelf comes into. */
  readonly downloads: string;
  /** Address pattern of a server for map tiles, like `https://tiles.example/{z}/{x}/{y}.png`. */
  readonly tiles: string | null;
}

const USUAL_PORT = 6552;

/** What cannot be read is made anew: nothing in it is worth a page that does not come. */
export function readFaceSettings(path: string): FaceSettings {
  const token = randomBytes(16).toString('base64url');
  const fresh = { port: USUAL_PORT, token, mesh: false, downloads: join(homedir(), 'Downloads'), tiles: null };
  if (!fileExists(path)) return fresh;
  try {
    const value: unknown = JSON.parse(readStateFile(path, true));
    const given = new Map<string, unknown>(Object.entries(typeof value === 'object' && value !== null ? value : {}));
    const [port, known, tiles, downloads] = ['port', 'token', 'tiles', 'downloads'].map((key) => given.get(key));
    const isPort = typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536;
    return {
      port: isPort ? port : fresh.port,
      token: typeof known === 'string' && /^[\w-]{22}$/.test(known) ? known : fresh.token,
      mesh: given.get('mesh') === true,
      downloads: typeof downloads === 'string' && isAbsolute(downloads) ? downloads : fresh.downloads,
      tiles: typeof tiles === 'string' && isTiles(tiles) ? tiles : null,
    };
  } catch (error) {
    if (error instanceof SyntaxError) return fresh;
    throw error;
  }
}

export function isTiles(text: string): boolean {
  return /^https?:\/\/[\w.:[\]-]+\/\S*$/.test(text) && ['{z}', '{x}', '{y}'].every((part) => text.includes(part));
}

export function writeFaceSettings(path: string, settings: FaceSettings): void {
  replaceFile(path, `${JSON.stringify(settings, null, 2)}\n`);
}
