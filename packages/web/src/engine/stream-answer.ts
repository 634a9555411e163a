/** Answers what the service worker asks for a file with, range for range (RFC 9110, section 14), as its reader takes it. */
import { parseRange, type StreamFile } from '@kith/torrent';
import type { SharedFile, StreamAsk, StreamHead, StreamPart, StreamRequest } from './messages.ts';

/** Bytes of one part. */
const WINDOW = 262_144;
/** Not every browser says that a reader left: who asks for nothing for that long waits for nothing, ms. */
const IDLE = 15_000;

/** @param shared the same file as the node lists it */
export function answer(file: StreamFile, shared: SharedFile, request: StreamRequest, port: MessagePort): void {
  const etag = `"${file.etag}"`;
  // Ranges are for GET alone, and only of the bytes that the reader knows (13.1.5, 14.2).
  const asked = request.method === 'GET' && (request.ifRange ?? etag) === etag ? request.range : null;
  const ranges = parseRange(asked ?? undefined, file.length);
  // Several ranges in one answer are for PDF readers of the nineties: the whole file is as good an answer.
  const [range] = typeof ranges === 'string' || ranges.length > 1 ? [{ begin: 0, end: file.length }] : ranges;
  const isPart = typeof ranges !== 'string' && ranges.length === 1;
  if (ranges === 'none') {
    const headers: StreamHead['headers'] = [['Content-Range', `bytes */${file.length}`]];
    return tell(port, { status: 416, headers });
  }
  const headers: StreamHead['headers'] = [
    ['Content-Type', shared.type],
    ['Content-Length', String(range.end - range.begin)],
    ['Accept-Ranges', 'bytes'],
    ['ETag', etag],
    ['Cache-Control', 'no-store'],
    ['Content-Disposition', disposition(shared, request.save)],
    ['X-Content-Type-Options', 'nosniff'],
    // A file is never a page of this site, whatever is in it.
    ['Content-Security-Policy', "default-src 'none'; sandbox"],
    ...(isPart ? [['Content-Range', `bytes ${range.begin}-${range.end - 1}/${file.length}`] as const] : []),
  ];
  tell(port, { status: isPart ? 206 : 200, headers });
  if (request.method === 'GET') send(file, range.begin, range.end, port);
  else port.close();
}

function send(file: StreamFile, begin: number, end: number, port: MessagePort): void {
  const reader = file.open();
  let at = begin;
  let work: Promise<void> = Promise.resolve();
  const finish = (): void => {
    clearTimeout(idle);
    reader.close();
    port.close();
  };
  let idle = setTimeout(finish, IDLE);
  const part = async (): Promise<void> => {
    if (at >= end) {
      tell(port, null);
      return finish();
    }
    try {
      const bytes = await reader.read(at, Math.min(WINDOW, end - at), end);
      at += bytes.length;
      const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
      if (whole instanceof ArrayBuffer) port.postMessage(whole satisfies StreamPart, [whole]);
    } catch (error) {
      tell(port, { error: error instanceof Error ? error.message : String(error) });
      finish();
    }
    idle = setTimeout(finish, IDLE);
  };
  port.addEventListener('message', ({ data }: MessageEvent<StreamAsk>) => {
    clearTimeout(idle);
    if (data === 'cancel') finish();
    else work = work.then(part);
  });
  port.start();
}

function tell(port: MessagePort, message: StreamHead | StreamPart): void {
  port.postMessage(message);
}

/** What can carry scripts is saved, never shown. Names in the form of RFC 8187. */
function disposition({ path, type }: SharedFile, save: boolean): string {
  const harmless = /^(?:video|audio|image|text\/plain|text\/vtt|application\/pdf)/.test(type) && !type.includes('svg');
  const name = encodeURIComponent(path.slice(path.lastIndexOf('/') + 1)).replaceAll(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${harmless && !save ? 'inline' : 'attachment'}; filename*=UTF-8''${name}`;
}
