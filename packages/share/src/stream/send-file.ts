/** One file as the answer to one request: whole, a range, several ranges, or nothing new (RFC 9110). */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ByteRange, parseRange, type StreamFile, type StreamReader } from '@kith/torrent';
import { contentType, harmless } from './content-type.ts';

/** Bytes that one response asks its file for at a time; no more wait for a slow client, besides Node's own buffer. */
const WINDOW = 262_144;

export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: StreamFile,
  type: string = contentType(file.name),
): Promise<void> {
  const etag = `"${file.etag}"`;
  const { length } = file;
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etag);
  response.setHeader('Cache-Control', 'private, no-cache');
  response.setHeader('Content-Disposition', disposition(file.name, harmless(type)));
  const seen = request.headers['if-none-match'];
  if (
    seen !== undefined &&
    (seen.trim() === '*' || seen.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag))
  ) {
    response.writeHead(304).end();
    return;
  }
  // Ranges are for GET alone (RFC 9110, 14.2), and only of the bytes that the client knows (13.1.5).
  const condition = request.headers['if-range'];
  const asked = request.method === 'GET' && (condition === undefined || condition === etag);
  const ranges = asked ? parseRange(request.headers.range, length) : 'whole';
  if (ranges === 'none') {
    response.setHeader('Content-Range', `bytes */${length}`);
    return refuse(response, 416, `The file has ${length} bytes.`);
  }
  if (ranges === 'whole') {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': length });
    if (request.method === 'HEAD') response.end();
    else await send(response, file, [{ begin: 0, end: length }]);
    return;
  }
  const [only] = ranges;
  if (ranges.length === 1) {
    response.writeHead(206, {
      ...{ 'Content-Type': type, 'Content-Length': only.end - only.begin },
      'Content-Range': `bytes ${only.begin}-${only.end - 1}/${length}`,
    });
    return send(response, file, ranges);
  }
  const boundary = randomBytes(12).toString('hex');
  const heads = ranges.map(
    ({ begin, end }) =>
      `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: bytes ${begin}-${end - 1}/${length}\r\n\r\n`,
  );
  const tail = `\r\n--${boundary}--\r\n`;
  const size = ranges.reduce((sum, { begin, end }, i) => sum + end - begin + (heads[i]?.length ?? 0), tail.length);
  response.writeHead(206, { 'Content-Type': `multipart/byteranges; boundary=${boundary}`, 'Content-Length': size });
  return send(response, file, ranges, heads, tail);
}

async function send(
  response: ServerResponse,
  file: StreamFile,
  ranges: readonly ByteRange[],
  heads: readonly string[] = [],
  tail: string = '',
): Promise<void> {
  // Players give up in the middle all the time: what they waited for must not stay urgent.
  const reader = file.open();
  response.once('close', () => {
    reader.close();
  });
  try {
    for (const [i, range] of ranges.entries()) {
      const head = heads[i];
      if (head !== undefined) response.write(head, 'latin1');
      if (!(await sendRange(response, reader, range))) return;
    }
    response.end(tail, 'latin1');
  } finally {
    reader.close();
  }
}

/** False where the client went away. */
async function sendRange(response: ServerResponse, reader: StreamReader, { begin, end }: ByteRange): Promise<boolean> {
  for (let at = begin; at < end;) {
    const bytes = await reader.read(at, Math.min(WINDOW, end - at), end);
    if (response.destroyed) return false;
    at += bytes.length;
    if (!response.write(bytes)) await roomIn(response);
    if (response.destroyed) return false;
  }
  return true;
}

function roomIn(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

/** RFC 6266, with the name in RFC 8187's form. */
function disposition(path: string, inline: boolean): string {
  const name = encodeURIComponent(path.slice(path.lastIndexOf('/') + 1)).replaceAll(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${inline ? 'inline' : 'attachment'}; filename*=UTF-8''${name}`;
}

/** Says in a sentence why there is no better answer. */
export function refuse(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
