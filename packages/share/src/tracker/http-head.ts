/**
 * Heads of HTTP/1 requests (RFC 9112), as far as a tracker needs them: GET without a body, many on one connection. An announce
 * is one line of interest, so headers are looked up when they are asked for instead of being parsed.
 */
const END = Buffer.from('\r\n\r\n');

/** What is wrong with a request: the status that says so. The connection is closed after it. */
export class HttpError extends Error {
  readonly status: 400 | 405 | 413 | 431 | 505;

  constructor(status: HttpError['status'], message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

export class HttpHead {
  readonly method: 'GET' | 'HEAD';
  /** Without query. */
  readonly path: string;
  /** What follows `?`, one character per byte; empty without one. */
  readonly query: string;
  readonly keepAlive: boolean;
  /** HTTP/1.0: no chunked answers. */
  readonly old: boolean;
  readonly #headers: string;
  readonly #lower: string;

  /** @throws HttpError; `text` is the head with one character per byte, without its empty line */
  constructor(text: string) {
    const lineEnd = text.indexOf('\r\n');
    const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
    const match = /^([A-Z]{1,16}) (\/[^ ]*) HTTP\/(\d)\.(\d)$/.exec(line);
    if (match === null) throw new HttpError(400, 'the request line is malformed');
    const [, method, target = '', major] = match;
    if (major !== '1') throw new HttpError(505, 'HTTP/1 is spoken here');
    if (method !== 'GET' && method !== 'HEAD') throw new HttpError(405, 'GET and HEAD are understood here');
    this.method = method;
    this.old = match[4] === '0';
    const mark = target.indexOf('?');
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? '' : target.slice(mark + 1);
    this.#headers = lineEnd < 0 ? '' : text.slice(lineEnd);
    this.#lower = this.#headers.toLowerCase();
    if (this.#lower.includes('\r\ntransfer-encoding:') || !/^0?$/.test(this.header('content-length') ?? '')) {
      throw new HttpError(413, 'a request has no body here');
    }
    const connection = this.header('connection')?.toLowerCase();
    this.keepAlive = this.old ? connection === 'keep-alive' : connection !== 'close';
  }

  /** The first header of a name in lower case, trimmed. */
  header(name: string): string | undefined {
    const start = this.#lower.indexOf(`\r\n${name}:`);
    if (start < 0) return undefined;
    const from = start + name.length + 3;
    const end = this.#headers.indexOf('\r\n', from);
    return this.#headers.slice(from, end < 0 ? undefined : end).trim();
  }

  /** All headers of a name in order, joined as lists are. */
  headerList(name: string): string[] {
    const pattern = new RegExp(`\r\n${name}:([^\r]*)`, 'g');
    return Array.from(this.#lower.matchAll(pattern), (match) => (match[1] ?? '').trim())
      .join(',')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
}

/**
 * The head that begins at `from`, and where it ends; undefined while it is not complete.
 * @throws HttpError also when it is longer than `most` bytes
 */
export function readHead(bytes: Buffer, from: number, most: number): { head: HttpHead; end: number } | undefined {
  const end = bytes.indexOf(END, from);
  if (end < 0) {
    if (bytes.length - from > most) throw new HttpError(431, `a head has at most ${most} bytes here`);
    return undefined;
  }
  if (end - from > most) throw new HttpError(431, `a head has at most ${most} bytes here`);
  return { head: new HttpHead(bytes.toString('latin1', from, end)), end: end + END.length };
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
};

/** An answer's head. Without a length its body comes in chunks. */
export function answerHead(status: number, type: string, length: number | undefined, keepAlive: boolean): string {
  const body = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  // HTTP/1.0 clients close unless they are told, newer ones stay unless they are told.
  const connection = keepAlive ? 'keep-alive' : 'close';
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\nContent-Type: ${type}\r\n${body}\r\nConnection: ${connection}\r\n\r\n`;
}
