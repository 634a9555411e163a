/** What the node says about the link that this page was opened by. */
import type { ShareInfo } from '../engine/messages.ts';

/** The link, with a slash at its end. */
export const LINK: string = new URL('./', location.href).href;

export type Loaded =
  | { readonly kind: 'ready'; readonly share: ShareInfo }
  /** The node knows of no such link. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unreachable' };

export async function loadShare(): Promise<Loaded> {
  let response: Response;
  try {
    response = await fetch(new URL('share.json', LINK));
  } catch {
    return { kind: 'unreachable' };
  }
  if (response.status === 404) return { kind: 'unknown' };
  if (!response.ok) return { kind: 'unreachable' };
  const share: ShareInfo = await response.json();
  return { kind: 'ready', share };
}

/** The torrent file; undefined where the node does not have it. */
export async function loadMetainfo(): Promise<ArrayBuffer | undefined> {
  try {
    const response = await fetch(new URL('metainfo', LINK));
    return response.ok ? await response.arrayBuffer() : undefined;
  } catch {
    return undefined;
  }
}
