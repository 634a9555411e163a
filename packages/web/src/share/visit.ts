/** One visit of the page: the share, its engine where this browser can have one, and where files come from. */
import { startEngine, startStreaming, type EngineClient } from '../engine/client.ts';
import type { EngineReport, SharedFile, ShareInfo } from '../engine/messages.ts';
import { LINK, loadMetainfo, loadShare } from './load.ts';

/** Why files come straight from the node, and others get nothing from here. */
export type Direct =
  | { readonly why: 'insecure' }
  | { readonly why: 'no-service-worker'; readonly detail: string }
  | { readonly why: 'no-metainfo' }
  | { readonly why: 'failed'; readonly code: string; readonly detail: string };

export type Visit =
  | { readonly kind: 'loading' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'starting'; readonly share: ShareInfo }
  | { readonly kind: 'direct'; readonly share: ShareInfo; readonly direct: Direct }
  | {
      readonly kind: 'engine';
      readonly share: ShareInfo;
      readonly engine: EngineClient;
      /** Undefined until it looked at what is here. */
      readonly report: EngineReport | undefined;
      readonly gone: boolean;
    };

/** How often the node that went away is asked whether the link still leads somewhere, ms. */
const ASK_AGAIN = 10_000;

export async function startVisit(show: (visit: Visit) => void): Promise<void> {
  const streaming = isSecureContext ? startStreaming(LINK) : undefined;
  // Whoever waits for it hears what went wrong; until then nobody does.
  streaming?.catch(() => undefined);
  const loaded = await loadShare();
  if (loaded.kind !== 'ready') return show(loaded);
  const { share } = loaded;
  show({ kind: 'starting', share });
  const direct = (because: Direct): void => show({ kind: 'direct', share, direct: because });
  if (streaming === undefined) return direct({ why: 'insecure' });
  const metainfo = await loadMetainfo();
  if (metainfo === undefined) return direct({ why: 'no-metainfo' });
  try {
    await streaming;
  } catch (error) {
    return direct({ why: 'no-service-worker', detail: error instanceof Error ? error.message : String(error) });
  }
  runEngine(share, metainfo, show);
}

function runEngine(share: ShareInfo, metainfo: ArrayBuffer, show: (visit: Visit) => void): void {
  let failed = false;
  let gone = false;
  let last: EngineReport | undefined;
  const tell = (): void => {
    if (!failed) show({ kind: 'engine', share, engine, report: last, gone });
  };
  const askAgain = (): void =>
    void loadShare().then(({ kind }) => {
      gone = kind === 'unknown';
      tell();
    });
  const engine = startEngine(share, metainfo, LINK, {
    report: (report) => {
      const left = report.node === 'away' && last?.node !== 'away';
      last = report;
      if (report.node !== 'away') gone = false;
      if (left) askAgain();
      tell();
    },
    failed: (code, detail) => {
      failed = true;
      show({ kind: 'direct', share, direct: { why: 'failed', code, detail } });
    },
  });
  tell();
  setInterval(() => {
    if (last?.node === 'away') askAgain();
  }, ASK_AGAIN);
}

/** Where the bytes of a file come from in this visit. */
export function sourceOf(visit: Visit, file: SharedFile): string {
  const { pathname } = new URL(file.url, LINK);
  const isHere = visit.kind === 'engine' && visit.report?.state !== 'error';
  return new URL(isHere ? pathname.replace('/files/', '/stream/') : pathname, LINK).href;
}

/** The same to be kept by the browser. */
export function saveUrl(visit: Visit, file: SharedFile): string {
  const url = new URL(sourceOf(visit, file));
  if (url.pathname.includes('/stream/')) url.search = '?save';
  return url.href;
}
