/**
 * Questions of respondd, UDP port 1001: `GET` and names of providers, which is answered with raw DEFLATE over one JSON
 * object keyed by them; or one bare name, which is answered with that document alone, uncompressed (the older way).
 * Groups: ff02::2:1001 on links of the mesh, ff05::2:1001 on the bridge of clients. Gluon 2025.1, gluon-respondd.
 */
import type { Documents, Provider } from './documents.ts';
import { PROVIDERS } from './documents.ts';

export const RESPONDD_PORT = 1001;
export const RESPONDD_LINK_GROUP = 'ff02::2:1001';
export const RESPONDD_SITE_GROUP = 'ff05::2:1001';

/** Longer questions are answered by nobody. */
const LONGEST_REQUEST = 255;

export interface Request {
  readonly providers: readonly Provider[];
  /** Whether the answer is enveloped and deflated. */
  readonly enveloped: boolean;
}

/** A question for all that a map shows. */
export function requestText(providers: readonly Provider[] = PROVIDERS): string {
  return `GET ${providers.join(' ')}`;
}

/** Null for what is no question, or one for nothing that this gateway tells. */
export function parseRequest(datagram: Uint8Array): Request | null {
  if (datagram.length === 0 || datagram.length > LONGEST_REQUEST) return null;
  let text = '';
  for (const byte of datagram) {
    if (byte !== 0x20 && (byte < 0x2b || byte > 0x7a)) return null;
    text += String.fromCharCode(byte);
  }
  const words = text.split(' ').filter((word) => word !== '');
  const enveloped = words[0] === 'GET';
  const asked = enveloped ? words.slice(1) : words;
  if (!enveloped && asked.length !== 1) return null;
  const providers = PROVIDERS.filter((provider) => asked.includes(provider));
  return providers.length === 0 ? null : { providers, enveloped };
}

/** The JSON that answers a request; the shell deflates it where it is enveloped. Null where nothing asked for is known. */
export function answerText(request: Request, documents: Documents): string | null {
  const known = request.providers.filter((provider) => documents[provider] !== undefined);
  const [only] = known;
  if (only === undefined) return null;
  if (!request.enveloped) return JSON.stringify(documents[only]);
  return JSON.stringify(Object.fromEntries(known.map((provider) => [provider, documents[provider]])));
}
