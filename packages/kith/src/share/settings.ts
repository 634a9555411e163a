/** `share.json`: what the share process remembers besides its shares. */
import { randomBytes } from 'node:crypto';
import { fileExists, readStateFile, replaceFile } from '../state/files.ts';

export interface ShareSettings {
  /** TCP port for peers: magnet links name it. */
  readonly port: number;
  /** TCP port of the links for browsers, and where members ask what is on the shelf. */
  readonly linkPort: number;
  /** Secret part of the links. */
  readonly token: string;
  /** Bytes per second of all shares together; 0 for no limit. */
  readonly down: number;
  readonly up: number;
}

/** The number of the mesh's UDP port, and the next. */
const USUAL_PORT = 6550;
const USUAL_LINK_PORT = 6551;

/** What cannot be read is made anew: nothing in it is worth a share process that does not start. */
export function readSettings(path: string): ShareSettings {
  const token = randomBytes(16).toString('base64url');
  const fresh = { port: USUAL_PORT, linkPort: USUAL_LINK_PORT, token, down: 0, up: 0 };
  if (!fileExists(path)) return fresh;
  try {
    const value: unknown = JSON.parse(readStateFile(path, true));
    if (typeof value !== 'object' || value === null) return fresh;
    const given = new Map<string, unknown>(Object.entries(value));
    const number = (key: string, most: number, or: number): number => {
      const found = given.get(key);
      return typeof found === 'number' && Number.isInteger(found) && found >= 0 && found <= most ? found : or;
    };
    const known = given.get('token');
    return {
      port: number('port', 65_535, USUAL_PORT),
      linkPort: number('linkPort', 65_535, USUAL_LINK_PORT),
      token: typeof known === 'string' && /^[\w-]{22}$/.test(known) ? known : fresh.token,
      down: number('down', Number.MAX_SAFE_INTEGER, 0),
      up: number('up', Number.MAX_SAFE_INTEGER, 0),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return fresh;
    throw error;
  }
}

export function writeSettings(path: string, settings: ShareSettings): void {
  replaceFile(path, `${JSON.stringify(settings, null, 2)}\n`);
}
