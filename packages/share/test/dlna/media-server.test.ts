/** On loopback, multicast too: nothing of it leaves the machine. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { text } from 'node:stream/consumers';
import type { Prefix } from '@kith/core';
import fc from 'fast-check';
import { MediaLibrary, type MediaShare } from '../../src/dlna/library.ts';
import { MediaServer } from '../../src/dlna/media-server.ts';
import { MOST_SOAP } from '../../src/dlna/soap.ts';
import { SSDP_GROUP, SSDP_PORT } from '../../src/dlna/ssdp-codec.ts';
import { MemoryFile } from '../link/memory-file.ts';
import { until } from '../until.ts';

const HOST = '127.0.0.1';
const DIRECTORY = 'urn:schemas-upnp-org:service:ContentDirectory:1';
const CONNECTIONS = 'urn:schemas-upnp-org:service:ConnectionManager:1';
const UUID = '00000000-0000-8000-8000-000000000001';
const FILM = randomBytes(300_000);

interface Scene {
  readonly server: MediaServer;
  readonly shares: MediaShare[];
  /** Goes on so far that the library looks again. */
  readonly pass: () => void;
}

function shareOf(key: string, files: readonly MemoryFile[]): MediaShare {
  return { key, name: key, files, offered: () => files.map(() => true) };
}

async function scene(t: TestContext, prefix = '127.0.0.0/8'): Promise<Scene> {
  let now = 0;
  const shares = [
    shareOf('one', [new MemoryFile('one.mp4', FILM)]),
    shareOf('many', [
      ...[1, 2, 3].map((n) => new MemoryFile(`many/<${n}> & more.mp3`, new Uint8Array(n))),
      ...[new MemoryFile('many/film.mkv', FILM), new MemoryFile('many/film.srt', Buffer.from('1\n'))],
    ]),
  ];
  const library = new MediaLibrary(
    () => shares,
    () => now,
  );
  const server = new MediaServer({
    address: HOST,
    prefix: prefix as Prefix,
    name: 'a <TV> & more',
    uuid: UUID,
    library,
  });
  await server.start();
  t.after(() => server.close());
  return { server, shares, pass: () => void (now += 10_000) };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request, with the headers just as they are given. */
async function ask(
  server: MediaServer,
  path: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  const sending = request({ host: HOST, port: server.port, path, method, headers, agent: false });
  sending.end(body);
  const answers = await once(sending, 'response');
  const [response] = answers as [IncomingMessage];
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: await text(response.setEncoding('latin1')),
  };
}

function act(
  server: MediaServer,
  service: string,
  action: string,
  values: Record<string, string> = {},
): Promise<Answer> {
  const path = service === DIRECTORY ? '/control/content-directory' : '/control/connection-manager';
  const inside = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`);
  const body = `<s:Envelope><s:Body><u:${action}>${inside.join('')}</u:${action}></s:Body></s:Envelope>`;
  return ask(server, path, { method: 'POST', headers: { SOAPACTION: `"${service}#${action}"` }, body });
}

function browse(server: MediaServer, id: string, from = 0, count = 0, flag = 'BrowseDirectChildren'): Promise<Answer> {
  return act(server, DIRECTORY, 'Browse', {
    ...{ ObjectID: id, BrowseFlag: flag, Filter: '*', StartingIndex: `${from}`, RequestedCount: `${count}` },
    SortCriteria: '+dc:title',
  });
}

/** What is in an element of an answer. */
function said({ body }: Answer, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1];
}

function titlesIn(answer: Answer): string[] {
  return [...answer.body.matchAll(/&lt;dc:title&gt;(.*?)&lt;\/dc:title&gt;/g)].map((match) => match[1] ?? '');
}

describe('the media server', () => {
  it('describes itself and its services', async (t) => {
    const { server } = await scene(t);
    const device = await ask(server, '/device.xml');
    assert.equal(device.status, 200);
    assert.match(device.body, /<friendlyName>a &lt;TV&gt; &amp; more<\/friendlyName>/);
    assert.match(device.body, new RegExp(`<UDN>uuid:${UUID}</UDN>`));
    for (const [, path] of device.body.matchAll(/<SCPDURL>(.*?)<\/SCPDURL>/g)) {
      const service = await ask(server, path ?? '');
      assert.match(service.body, /<actionList>.*<serviceStateTable>/);
      const related = [...service.body.matchAll(/<relatedStateVariable>(.*?)</g)].map((match) => match[1]);
      const known = new Set([...service.body.matchAll(/<stateVariable [^>]*><name>(.*?)</g)].map((match) => match[1]));
      assert.deepEqual(
        related.filter((name) => !known.has(name)),
        [],
      );
    }
  });

  it('lists what there is by pages', async (t) => {
    const { server } = await scene(t);
    const root = await browse(server, '0');
    assert.deepEqual(titlesIn(root), ['many', 'one']);
    assert.deepEqual(
      ['NumberReturned', 'TotalMatches', 'UpdateID'].map((name) => said(root, name)),
      ['2', '2', '1'],
    );
    const page = await browse(server, 'many', 1, 2);
    assert.deepEqual(titlesIn(page), ['&amp;lt;2&amp;gt; &amp;amp; more.mp3', '&amp;lt;3&amp;gt; &amp;amp; more.mp3']);
    assert.deepEqual(
      ['NumberReturned', 'TotalMatches'].map((name) => said(page, name)),
      ['2', '4'],
    );
    assert.equal(said(await browse(server, 'many', 9), 'NumberReturned'), '0');
    const own = await browse(server, 'many', 0, 0, 'BrowseMetadata');
    assert.match(own.body, /id=&quot;many&quot; parentID=&quot;0&quot; .*childCount=&quot;4&quot;/);
  });

  it('tells its capabilities and its only connection', async (t) => {
    const { server } = await scene(t);
    assert.equal(said(await act(server, DIRECTORY, 'GetSearchCapabilities'), 'SearchCaps'), '');
    assert.equal(said(await act(server, DIRECTORY, 'GetSortCapabilities'), 'SortCaps'), '');
    assert.equal(said(await act(server, DIRECTORY, 'GetSystemUpdateID'), 'Id'), '1');
    assert.match(said(await act(server, CONNECTIONS, 'GetProtocolInfo'), 'Source') ?? '', /^http-get:\*:video\/\*:\*/);
    assert.equal(said(await act(server, CONNECTIONS, 'GetCurrentConnectionIDs'), 'ConnectionIDs'), '0');
    const connection = await act(server, CONNECTIONS, 'GetCurrentConnectionInfo', { ConnectionID: '0' });
    assert.equal(said(connection, 'Direction'), 'Output');
  });

  it('refuses with the codes of UPnP', async (t) => {
    const { server } = await scene(t);
    const refused: [Promise<Answer>, string][] = [
      [act(server, DIRECTORY, 'Search'), '401'],
      [act(server, DIRECTORY, 'constructor'), '401'],
      [act(server, DIRECTORY, 'Browse', { ObjectID: '0' }), '402'],
      [browse(server, '0', 0, 0, 'Everything'), '402'],
      [browse(server, '0', -1), '402'],
      [browse(server, 'nothing'), '701'],
      [browse(server, 'one:0'), '710'],
      [act(server, CONNECTIONS, 'GetCurrentConnectionInfo', { ConnectionID: '1' }), '706'],
    ];
    for (const [asked, code] of refused) {
      const answer = await asked;
      assert.deepEqual([answer.status, said(answer, 'errorCode')], [500, code]);
    }
  });

  it('refuses what is no action, and what is too long before it has come', async (t) => {
    const { server } = await scene(t);
    const path = '/control/content-directory';
    assert.equal((await ask(server, path, { method: 'POST', body: 'hello' })).status, 400);
    const headers = { 'Content-Length': `${MOST_SOAP + 1}` };
    assert.equal((await ask(server, path, { method: 'POST', headers, body: 'x' })).status, 413);
    const chunked = { 'Transfer-Encoding': 'chunked' };
    const body = 'x'.repeat(MOST_SOAP + 1);
    assert.equal((await ask(server, path, { method: 'POST', headers: chunked, body })).status, 413);
    assert.equal((await ask(server, '/')).status, 404);
    assert.equal((await ask(server, '/control/nothing', { method: 'POST' })).status, 404);
  });

  it('answers any arguments', async (t) => {
    const { server } = await scene(t);
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('0', 'many', 'BrowseDirectChildren', '<x/>', '&#0;', '99999999999'),
    );
    const names = ['ObjectID', 'BrowseFlag', 'Filter', 'StartingIndex', 'RequestedCount', 'SortCriteria'];
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 6, maxLength: 6 }), async (values) => {
        const answer = await act(
          server,
          DIRECTORY,
          'Browse',
          Object.fromEntries(names.map((name, i) => [name, values[i] ?? ''])),
        );
        assert.ok([200, 400, 500].includes(answer.status), `${answer.status}`);
      }),
      { numRuns: 40 },
    );
  });

  it('sends the very bytes of a range, and says what DLNA asks for', async (t) => {
    const { server } = await scene(t);
    const url = /http:\/\/[^&]*one\.mp4/.exec((await browse(server, '0')).body)?.[0] ?? '';
    const path = new URL(url).pathname;
    const part = await ask(server, path, {
      headers: { Range: 'bytes=1000-200999', 'getcontentFeatures.dlna.org': '1', 'transferMode.dlna.org': 'Streaming' },
    });
    assert.equal(part.status, 206);
    assert.equal(part.headers['content-range'], 'bytes 1000-200999/300000');
    assert.ok(Buffer.from(part.body, 'latin1').equals(FILM.subarray(1000, 201_000)), 'other bytes');
    assert.equal(part.headers['content-type'], 'video/mp4');
    assert.equal(part.headers['transfermode.dlna.org'], 'Streaming');
    assert.match(String(part.headers['contentfeatures.dlna.org']), /^DLNA\.ORG_OP=01;.*FLAGS=01700000[0]{24}$/);
    const head = await ask(server, path, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '300000', '']);
    const byTime = await ask(server, path, { headers: { 'TimeSeekRange.dlna.org': 'npt=10-' } });
    assert.equal(byTime.status, 406);
    assert.equal((await ask(server, path, { method: 'POST' })).status, 405);
    for (const other of ['/media/one/files/1/x', '/media/none/files/0/x', '/media/one/files/0', '/media']) {
      assert.equal((await ask(server, other)).status, 404, other);
    }
  });

  it('names the subtitles of a film to sets that ask for them', async (t) => {
    const { server } = await scene(t);
    const film = await ask(server, '/media/many/files/3/film.mkv', { headers: { 'getCaptionInfo.sec': '1' } });
    const url = String(film.headers['captioninfo.sec']);
    assert.equal(url, `http://${HOST}:${server.port}/media/many/files/4/film.srt`);
    const subtitles = await ask(server, new URL(url).pathname);
    assert.deepEqual([subtitles.body, subtitles.headers['content-type']], ['1\n', 'text/srt']);
    assert.match((await browse(server, 'many')).body, /sec:CaptionInfoEx sec:type=&quot;srt&quot;&gt;http/);
  });

  it('is nothing for pages in browsers, whatever name they gave this address', async (t) => {
    const { server } = await scene(t);
    for (const headers of [{ Host: `evil.example:${server.port}` }, { Origin: 'http://evil.example' }]) {
      for (const path of ['/device.xml', '/media/one/files/0/one.mp4']) {
        assert.equal((await ask(server, path, { headers })).status, 403, JSON.stringify(headers));
      }
    }
  });

  it('answers nobody outside its network', async (t) => {
    const { server } = await scene(t, '127.9.0.0/16');
    await assert.rejects(ask(server, '/device.xml'), { code: 'ECONNRESET' });
    const { heard, search } = await listener(t);
    search('ssdp:all');
    // A server that answers does so at once, so one that may shows when the other would have.
    await scene(t);
    search('upnp:rootdevice');
    await until(() => heard().some((each) => each.startsWith('HTTP/1.1 200')), 'an answer of the other server');
    assert.deepEqual(
      heard().filter((each) => each.includes(`:${server.port}/`)),
      [],
    );
  });

  it('is found by a search', async (t) => {
    const { server } = await scene(t);
    const { heard, search } = await listener(t);
    search('ssdp:all');
    const mine = (): string[] => heard().filter((each) => each.includes(`LOCATION: ${server.url}\r\n`));
    await until(
      () => mine().length === 5,
      () => `five answers: ${heard().join('\n')}`,
    );
    const found = new Set(mine().map((each) => /ST: (.*)\r/.exec(each)?.[1]));
    const device = 'urn:schemas-upnp-org:device:MediaServer:1';
    assert.deepEqual(found, new Set(['upnp:rootdevice', `uuid:${UUID}`, device, DIRECTORY, CONNECTIONS]));
  });

  it('tells its subscribers what is new, at their own address alone', async (t) => {
    const { server, shares, pass } = await scene(t);
    const notes: { readonly sid: unknown; readonly seq: unknown; readonly update: string | undefined }[] = [];
    const ears = createServer((incoming, response) => {
      void text(incoming).then((body) => {
        const update = /<SystemUpdateID>(\d+)</.exec(body)?.[1];
        notes.push({ sid: incoming.headers['sid'], seq: incoming.headers['seq'], update });
        response.end();
      });
    });
    ears.listen(0, HOST);
    await once(ears, 'listening');
    t.after(() => ears.close());
    const address = ears.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const subscribe = (headers: Record<string, string>): Promise<Answer> =>
      ask(server, '/events/content-directory', { method: 'SUBSCRIBE', headers });
    for (const callback of [`<http://localhost:${port}/>`, '<http://192.0.2.1/>', `<ftp://${HOST}/>`, 'http', '<>']) {
      assert.equal((await subscribe({ CALLBACK: callback, NT: 'upnp:event' })).status, 412, callback);
    }
    assert.equal((await subscribe({ CALLBACK: `<http://${HOST}:${port}/>` })).status, 412, 'without NT');
    const granted = await subscribe({ CALLBACK: `<http://${HOST}:${port}/>`, NT: 'upnp:event', TIMEOUT: 'Second-1' });
    assert.deepEqual([granted.status, granted.headers['timeout']], [200, 'Second-60']);
    const sid = String(granted.headers['sid']);
    await until(() => notes.length === 1, 'the state at first');
    shares.pop();
    pass();
    server.refresh();
    server.refresh();
    await until(() => notes.length === 2, 'what is new');
    assert.deepEqual(notes, [
      { sid, seq: '0', update: '1' },
      { sid, seq: '1', update: '2' },
    ]);
    assert.equal((await subscribe({ SID: sid, TIMEOUT: 'Second-infinite' })).headers['timeout'], 'Second-1800');
    const end = (): Promise<Answer> =>
      ask(server, '/events/content-directory', { method: 'UNSUBSCRIBE', headers: { SID: sid } });
    assert.equal((await end()).status, 200);
    assert.equal((await end()).status, 412);
    assert.equal((await subscribe({ SID: sid })).status, 412);
  });
});

/** Somebody who looks for devices, and hears what is sent to him. */
async function listener(t: TestContext): Promise<{ heard: () => string[]; search: (target: string) => void }> {
  const socket = createSocket('udp4');
  const messages: string[] = [];
  socket.on('message', (bytes) => messages.push(bytes.toString()));
  socket.bind(0, HOST);
  await once(socket, 'listening');
  socket.setMulticastInterface(HOST);
  t.after(() => socket.close());
  const search = (target: string): void => {
    const lines = ['M-SEARCH * HTTP/1.1', `HOST: ${SSDP_GROUP}:${SSDP_PORT}`, 'MAN: "ssdp:discover"', 'MX: 0'];
    socket.send(`${[...lines, `ST: ${target}`].join('\r\n')}\r\n\r\n`, SSDP_PORT, SSDP_GROUP);
  };
  return { heard: () => messages, search };
}
