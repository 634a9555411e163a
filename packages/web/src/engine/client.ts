/** The page's side of its engine: starts the worker, lets the service worker's questions through to it, and hears how it goes. */
import type { EngineReport, FromEngine, ShareInfo, StreamRequest, ToEngine } from './messages.ts';
import { startRtc } from './rtc-host.ts';

/** A service worker that nobody talks to is ended after half a minute, in the middle of an answer too, ms. */
const KEEP = 10_000;
/** Below a link: no part of the page, but what is shared. */
const LARGE = /^(?:files|stream)\//;

export interface EngineClient {
  /** These files are wanted. */
  want(files: readonly number[]): void;
  /** Deletes what this browser keeps of the share, or of the others from this node. The page has to be loaded anew after it. */
  forget(what: 'this' | 'others'): void;
}

export interface EngineEvents {
  report(report: EngineReport): void;
  failed(code: string, message: string): void;
}

export function startEngine(share: ShareInfo, metainfo: ArrayBuffer, link: string, events: EngineEvents): EngineClient {
  const worker = new Worker(new URL('./engine-worker.ts', import.meta.url), { type: 'module', name: 'kith engine' });
  worker.addEventListener('message', ({ data }: MessageEvent<FromEngine>) => {
    if (data.kind === 'report') events.report(data.report);
    else events.failed(data.code, data.message);
  });
  worker.addEventListener('error', (event) => events.failed('INTERNAL', event.message || 'the engine did not start'));
  const tell = (message: ToEngine, moved: Transferable[] = []): void => worker.postMessage(message, moved);
  const rtc = startRtc() ?? null;
  tell({ kind: 'start', link, share, metainfo, rtc }, rtc === null ? [metainfo] : [metainfo, rtc]);
  navigator.serviceWorker?.addEventListener('message', ({ data, ports: [port] }: MessageEvent<StreamRequest>) => {
    if (port !== undefined) tell({ kind: 'answer', request: data, port }, [port]);
  });
  setInterval(() => navigator.serviceWorker?.controller?.postMessage('keep'), KEEP);
  return {
    want: (files) => tell({ kind: 'want', files }),
    forget: (what) => tell({ kind: 'forget', what }),
  };
}

/**
 * Resolves once requests of this page go through its service worker; rejects with the reason where they never will.
 */
export async function startStreaming(link: string): Promise<void> {
  if (!('serviceWorker' in navigator)) throw new Error('this browser has no service workers');
  const { serviceWorker } = navigator;
  const { active } = await serviceWorker.register(new URL('sw.js', link), { scope: link });
  if (serviceWorker.controller !== null) return;
  await new Promise<void>((resolve, reject) => {
    serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true });
    active?.postMessage('claim');
    setTimeout(() => reject(new Error('the service worker did not start')), KEEP);
  });
  keepPage(link);
}

/** What was loaded past the service worker, before it was there or while it came, passes through it once, to be kept. */
function keepPage(link: string): void {
  const passed = new Set<string>();
  const pass = (part: string): void => {
    if (passed.has(part) || !part.startsWith(link) || LARGE.test(part.slice(link.length))) return;
    passed.add(part);
    fetch(part).catch(() => undefined);
  };
  pass(link);
  // What is still being loaded now is told of when it is there.
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByType('resource')) {
      if (entry instanceof PerformanceResourceTiming && entry.workerStart === 0) pass(entry.name);
    }
  });
  observer.observe({ type: 'resource', buffered: true });
}
