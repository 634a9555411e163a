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
  readonly tv: TvSettings;
}

/** The media server for televisions. */
export interface TvSettings {
  readonly on: boolean;
  readonly interfaces: readonly string[];
  /** Ids of the shares that it shows; all where empty. */
  readonly shares: readonly string[];
}

/** The number of the mesh's UDP port, and the next. */
const USUAL_PORT = 6550;
const USUAL_LINK_PORT = 6551;
const NO_TV: TvSettings = { on: false, interfaces: [], shares: [] };

/** What cannot be read is made anew: nothing in it is worth a share process that does not start. */
export function readSettings(path: string): ShareSettings {
  const token = randomBytes(16).toString('base64url');
  const fresh: ShareSettings = { port: USUAL_PORT, linkPort: USUAL_LINK_PORT, token, down: 0, up: 0, tv: NO_TV };
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
      tv: readTv(given.get('tv')),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return fresh;
    throw error;
  }
}

/** Off, unless all of it can be read. */
function readTv(value: unknown): TvSettings {
  if (typeof value !== 'object' || value === null) return NO_TV;
  const given = new Map<string, unknown>(Object.entries(value));
  const texts = (key: string): string[] | undefined => {
    const list = given.get(key);
    if (!Array.isArray(list)) return undefined;
    const found = list.filter((each): each is string => typeof each === 'string');
    return found.length === list.length ? found : undefined;
  };
  const [on, interfaces, shares] = [given.get('on'), texts('interfaces'), texts('shares')];
  if (typeof on !== 'boolean' || interfaces === undefined || shares === undefined) return NO_TV;
  return { on, interfaces, shares };
}

export function writeSettings(path: string, settings: ShareSettings): void {
  replaceFile(path, `${JSON.stringify(settings, null, 2)}\n`);
}
