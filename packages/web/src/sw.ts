/**
 * The service worker of a link: `stream/N/NAME` is answered by the engine of an open page, with `?save` to be kept. Where none
 * answers it comes from the node, as `files/N/NAME` does. The page itself is kept for when the node is away.
 */
import type { StreamAsk, StreamHead, StreamPart, StreamRequest } from './engine/messages.ts';

// TypeScript knows the parts of a service worker only apart from pages.
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  readonly clientId: string;
  respondWith(response: Promise<Response>): void;
}

interface WindowClient {
  readonly id: string;
  readonly url: string;
  postMessage(message: StreamRequest, moved: Transferable[]): void;
}

declare const clients: {
  claim(): Promise<void>;
  matchAll(options: { readonly type: 'window' }): Promise<readonly WindowClient[]>;
};
declare const skipWaiting: () => Promise<void>;

/** How long an engine may take to say what it has before the node is asked, and where that is away, ms: it may have to start first. */
const PATIENCE = 4000;
const LONGEST = 30_000;
/** Between two questions to pages that have no answer, ms. */
const AGAIN = 250;
/** What the page is made of, below its link. */
const PAGE = /^(?:share\.json|metainfo|icon\.svg|assets\/[^/]+)?$/;
/** Parts that are under way to a reader. */
const AHEAD = 2;

addEventListener('install', (event) => {
  if (isExtendable(event)) event.waitUntil(skipWaiting());
});
addEventListener('activate', (event) => {
  if (isExtendable(event)) event.waitUntil(clients.claim());
});
// That it hears anything keeps it going; `claim` comes from a page that was loaded past it, as with the Shift key.
addEventListener('message', (event) => {
  if (isExtendable(event) && event instanceof MessageEvent && event.data === 'claim') event.waitUntil(clients.claim());
});
addEventListener('fetch', (event) => {
  if (!isFetch(event)) return;
  const { request, clientId } = event;
  const [, link, path] = /^(.*\/s\/[^/]+\/)([^?#]*)/.exec(request.url) ?? [];
  if (link === undefined || path === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return;
  if (PAGE.test(path) && request.method === 'GET') return event.respondWith(fresh(request, link));
  const [, file, name] = /^stream\/(\d+)\/([^/]*)$/.exec(path) ?? [];
  if (file === undefined) return;
  const asked: StreamRequest = {
    ...{ kind: 'stream', file: Number(file), method: request.method },
    range: request.headers.get('Range'),
    ifRange: request.headers.get('If-Range'),
    save: new URL(request.url).searchParams.has('save'),
  };
  event.respondWith(respond(asked, link, clientId, `${link}files/${file}/${name ?? ''}`));
});

/** From the node while it answers; what it said last after that, so that what is here can be played without it. */
async function fresh(request: Request, link: string): Promise<Response> {
  const cache = await caches.open(link);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    else await cache.delete(request);
    return response;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept === undefined) throw error;
    return kept;
  }
}

async function respond(asked: StreamRequest, link: string, clientId: string, elsewhere: string): Promise<Response> {
  let answer = askPages(asked, link, clientId);
  const early = await soon(answer, PATIENCE);
  if (early !== undefined) return early;
  try {
    return await fetch(elsewhere, asked.range === null ? {} : { headers: { Range: asked.range } });
  } catch (error) {
    // Without the node the engine is all there is: it may still be starting, or its page be on its way.
    for (const end = Date.now() + LONGEST; Date.now() < end; answer = askPages(asked, link, clientId)) {
      const late = await soon(answer, end - Date.now());
      if (late !== undefined) return late;
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
    throw error;
  }
}

/** Undefined where no page of the link is there, or its engine did not start. */
async function askPages(asked: StreamRequest, link: string, clientId: string): Promise<Response | undefined> {
  const open = await clients.matchAll({ type: 'window' });
  const pages = open.filter(({ url }) => url.startsWith(link));
  // A download has no page of its own: any of this link will do.
  const page = pages.find(({ id }) => id === clientId) ?? pages[0];
  return page === undefined ? undefined : askPage(page, asked);
}

/** Undefined where nothing comes in time, ms. */
function soon<T>(answer: Promise<T>, time: number): Promise<T | undefined> {
  return Promise.race([answer, new Promise<undefined>((resolve) => setTimeout(resolve, time))]);
}

/** Undefined where its engine did not start. */
async function askPage(page: WindowClient, asked: StreamRequest): Promise<Response | undefined> {
  const { port1: port, port2 } = new MessageChannel();
  const parts = new Parts(port);
  page.postMessage(asked, [port2]);
  const head = await parts.head;
  if (head.status === 503) return undefined;
  const headers = head.headers.map(([name, value]): [string, string] => [name, value]);
  const hasBody = asked.method === 'GET' && (head.status === 200 || head.status === 206);
  return new Response(hasBody ? parts.body() : null, { status: head.status, headers });
}

/** One answer: its head, then bytes as they are read. */
class Parts {
  readonly head: Promise<StreamHead>;
  readonly #port: MessagePort;
  #hear: (part: StreamPart) => void = () => undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    this.head = new Promise((resolve) => {
      port.addEventListener('message', ({ data }: MessageEvent<StreamHead | StreamPart>) => {
        if (isHead(data)) resolve(data);
        else this.#hear(data);
      });
      port.start();
    });
  }

  body(): ReadableStream<Uint8Array> {
    let asked = 0;
    let came = (): void => undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#hear = (part) => {
            asked--;
            if (part instanceof ArrayBuffer) controller.enqueue(new Uint8Array(part));
            else if (part === null) controller.close();
            else controller.error(new Error(part.error));
            came();
          };
        },
        pull: () => {
          for (; asked < AHEAD; asked++) this.#port.postMessage('pull' satisfies StreamAsk);
          return new Promise((resolve) => {
            came = resolve;
          });
        },
        cancel: () => this.#port.postMessage('cancel' satisfies StreamAsk),
      },
      { highWaterMark: 1 },
    );
  }
}

function isHead(data: StreamHead | StreamPart): data is StreamHead {
  return data !== null && 'status' in data;
}

function isExtendable(event: Event): event is ExtendableEvent {
  return 'waitUntil' in event;
}

function isFetch(event: Event): event is FetchEvent {
  return 'respondWith' in event;
}
