import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';

/** Connections of all web seeds together. */
export class WebAgents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;

  /** `perHost`: connections to one host at a time. */
  constructor(perHost: number) {
    const options = { keepAlive: true, maxSockets: perHost, maxFreeSockets: perHost, timeout: 30_000 };
    this.http = new HttpAgent(options);
    this.https = new HttpsAgent(options);
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }
}

/** Why bytes did not come. `lasting`: asking again later would not help. */
export class WebSeedError extends Error {
  readonly lasting: boolean;
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(message: string, lasting: boolean, retryAfter?: number) {
    super(message);
    this.lasting = lasting;
    this.retryAfter = retryAfter;
  }
}

export interface RangeRequest {
  readonly url: URL;
  readonly begin: number;
  readonly end: number;
  /** Length that the file must have. */
  readonly length: number;
  readonly agents: WebAgents;
  readonly signal: AbortSignal;
  /** Ms without a byte after which the server counts as silent. */
  readonly silence: number;
}

const MOST_REDIRECTS = 5;
/** Bytes of an answer that are not worth a new connection. */
const SHORT = 65_536;

/** The bytes of a range as they come; exactly as many as were asked for, or a {@link WebSeedError}. */
export async function* fetchRange(request: RangeRequest): AsyncGenerator<Uint8Array, void> {
  const wanted = request.end - request.begin;
  let left = wanted;
  try {
    const response = await follow(request);
    try {
      for await (const chunk of response) {
        if (!(chunk instanceof Uint8Array)) continue;
        // A server that ignores the range sends the whole file: all of it was wanted, see `judge`.
        if (chunk.length > left) throw new WebSeedError('the server sends more than it said', true);
        left -= chunk.length;
        yield chunk;
      }
    } finally {
      response.destroy();
    }
  } catch (error) {
    if (error instanceof WebSeedError) throw error;
    throw new WebSeedError(error instanceof Error ? error.message : String(error), false);
  }
  if (left > 0) throw new WebSeedError(`the connection ended ${left} bytes too soon`, false);
}

async function follow(request: RangeRequest): Promise<IncomingMessage> {
  let { url } = request;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const response = await ask(url, request);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) {
      const refusal = judge(response, request);
      if (refusal === undefined) return response;
      response.destroy();
      throw refusal;
    }
    // A short text is read to its end so that the connection can be used again.
    if (Number(response.headers['content-length'] ?? Infinity) <= SHORT) response.resume();
    else response.destroy();
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (
      next === undefined ||
      !/^https?:$/.test(next.protocol) ||
      (url.protocol === 'https:' && next.protocol === 'http:')
    ) {
      throw new WebSeedError(`a redirection to ${location.slice(0, 100)} is not followed`, true);
    }
    url = next;
  }
  throw new WebSeedError(`more than ${MOST_REDIRECTS} redirections`, true);
}

function ask(url: URL, { begin, end, agents, signal, silence }: RangeRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const outgoing = (secure ? httpsGet : httpGet)(url, {
      agent: secure ? agents.https : agents.http,
      headers: { Range: `bytes=${begin}-${end - 1}`, 'Accept-Encoding': 'identity' },
      signal,
    });
    outgoing.setTimeout(silence, () => {
      outgoing.destroy(new WebSeedError(`the server said nothing for ${silence / 1000} s`, false));
    });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
}

function judge(response: IncomingMessage, { begin, end, length }: RangeRequest): WebSeedError | undefined {
  const status = response.statusCode ?? 0;
  const { headers } = response;
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
    return new WebSeedError(`the server encodes the file with ${headers['content-encoding']}`, true);
  }
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
    if (range === null || Number(range[1]) !== begin || Number(range[2]) !== end - 1) {
      return new WebSeedError('the server sends another range than it was asked for', true);
    }
    if (range[3] !== '*' && Number(range[3]) !== length) {
      return new WebSeedError(`the server's file has ${range[3]} bytes instead of ${length}`, true);
    }
    return undefined;
  }
  if (status === 200) {
    const size = headers['content-length'];
    if (size !== undefined && Number(size) !== length) {
      return new WebSeedError(`the server's file has ${size} bytes instead of ${length}`, true);
    }
    return begin === 0 && end === length ? undefined : new WebSeedError('the server knows no ranges', true);
  }
  const wait = /^\d{1,5}$/.exec(headers['retry-after'] ?? '')?.[0];
  const passing = status >= 500 || status === 408 || status === 425 || status === 429;
  return new WebSeedError(`the server answers ${status}`, !passing, wait === undefined ? undefined : Number(wait));
}
