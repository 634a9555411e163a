import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { KithError, parsePrefix } from '@kith/core';
import { portableDiffieHellman, WireError, type Duplex, type DuplexHandler } from '@kith/torrent';
import {
  DialError,
  LOOPBACK_ONLY,
  nodeDiffieHellman,
  TcpDialer,
  TcpListener,
  within,
  type TcpDuplex,
  type TcpListenerOptions,
} from '@kith/share';

/** Collects what a duplex says and lets a test wait for it. */
class Ear implements DuplexHandler {
  readonly #parts: Buffer[] = [];
  length = 0;
  drains = 0;
  closedWith: string | undefined;
  #wake: (() => void) | undefined;

  data(bytes: Uint8Array): void {
    this.#parts.push(Buffer.from(bytes));
    this.length += bytes.length;
    // The bytes are the handler's to change.
    bytes.fill(0);
    this.#wake?.();
  }

  drain(): void {
    this.drains++;
    this.#wake?.();
  }

  closed(reason: string): void {
    this.closedWith = reason;
    this.#wake?.();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  async until(condition: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(10_000);
    while (!condition()) {
      deadline.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        deadline.addEventListener('abort', () => reject(new Error('the condition never came true')), { once: true });
      });
    }
  }
}

const open: { close: () => void }[] = [];
after(() => {
  for (const thing of open) thing.close();
});

async function listen(options: Partial<TcpListenerOptions> = {}) {
  const accepted: TcpDuplex[] = [];
  const waiting: ((duplex: TcpDuplex) => void)[] = [];
  const listener = await TcpListener.listen({
    port: 0,
    addresses: ['127.0.0.1'],
    filter: LOOPBACK_ONLY,
    onConnection: (duplex) => {
      open.push({ close: () => duplex.close('the test is over') });
      const taker = waiting.shift();
      if (taker === undefined) accepted.push(duplex);
      else taker(duplex);
    },
    ...options,
  });
  open.push({ close: () => void listener.close() });
  const next = (): Promise<TcpDuplex> =>
    new Promise((resolve) => {
      const duplex = accepted.shift();
      if (duplex === undefined) waiting.push(resolve);
      else resolve(duplex);
    });
  return { listener, next };
}

async function dial(port: number, ip = '127.0.0.1'): Promise<TcpDuplex> {
  const duplex = await new TcpDialer({ filter: LOOPBACK_ONLY }).dial({ ip, port });
  open.push({ close: () => duplex.close('the test is over') });
  return duplex;
}

/** A connection that is opened and reset at once, whichever of the two the dialing system notices. */
async function turnedAway(port: number): Promise<void> {
  const raw = connect(port, '127.0.0.1');
  raw.on('error', () => undefined);
  await new Promise<void>((resolve) => raw.once('close', () => resolve()));
}

function hear(duplex: Duplex): Ear {
  const ear = new Ear();
  duplex.start(ear);
  return ear;
}

test('what is written at one end arrives at the other, both ways, and every write is followed by drain', async () => {
  const { listener, next } = await listen();
  const dialed = await dial(listener.port);
  const accepted = await next();
  assert.deepEqual([dialed.incoming, accepted.incoming], [false, true]);
  assert.deepEqual(dialed.remote, { ip: '127.0.0.1', port: listener.port });
  const ends = [hear(dialed), hear(accepted)] as const;
  for (const [from, drained, to] of [
    [dialed, ends[0], ends[1]],
    [accepted, ends[1], ends[0]],
  ] as const) {
    const content = randomBytes(3_000_000);
    from.write([content.subarray(0, 13), content.subarray(13, 1_000_000), content.subarray(1_000_000)]);
    await to.until(() => to.length === content.length);
    assert.ok(to.bytes.equals(content));
    await drained.until(() => drained.drains === 1);
    assert.equal(from.pending, 0);
    from.write([content.subarray(0, 1)]);
    await drained.until(() => drained.drains === 2);
    await to.until(() => to.length === content.length + 1);
  }
});

test('nothing is read before the start, nor while paused', async () => {
  const { listener, next } = await listen();
  const dialed = await dial(listener.port);
  const accepted = await next();
  const far = hear(dialed);
  // More than the buffers of both systems hold.
  dialed.write([new Uint8Array(32 << 20)]);
  accepted.write([new Uint8Array(1)]);
  await far.until(() => far.length === 1);
  assert.ok(dialed.pending > 0);

  const ear = hear(accepted);
  await ear.until(() => ear.length > 0);
  accepted.pause();
  const held = ear.length;
  accepted.write([new Uint8Array(1)]);
  await far.until(() => far.length === 2);
  assert.equal(ear.length, held);
  accepted.resume();
  await ear.until(() => ear.length === 32 << 20);
});

test('an end says why it came to it', async () => {
  const { listener, next } = await listen();
  const dialed = await dial(listener.port);
  const accepted = await next();
  const [near, far] = [hear(dialed), hear(accepted)];
  dialed.close('enough');
  await near.until(() => near.closedWith !== undefined);
  await far.until(() => far.closedWith !== undefined);
  assert.deepEqual([near.closedWith, far.closedWith], ['enough', 'closed by the peer']);
  assert.equal(listener.connections, 0);

  const raw = connect(listener.port, '127.0.0.1');
  await once(raw, 'connect');
  const ear = hear(await next());
  raw.resetAndDestroy();
  await ear.until(() => ear.closedWith !== undefined);
  assert.equal(ear.closedWith, 'connection reset');
});

test('an end that came before the start is told after it', async () => {
  const { listener, next } = await listen();
  const dialed = await dial(listener.port);
  await next();
  dialed.close('too early');
  await new Promise((resolve) => setImmediate(resolve));
  const ear = hear(dialed);
  assert.equal(ear.closedWith, undefined);
  await ear.until(() => ear.closedWith === 'too early');
});

test('limits turn away what is too much, from one address and in silence', async () => {
  const perAddress = await listen({ limits: { perAddress: 1 } });
  await dial(perAddress.listener.port);
  const first = await perAddress.next();
  await turnedAway(perAddress.listener.port);
  assert.deepEqual(perAddress.listener.refused, { filtered: 0, limited: 1 });
  const ear = hear(first);
  first.close('makes room');
  await ear.until(() => ear.closedWith !== undefined);
  await dial(perAddress.listener.port);
  await perAddress.next();

  const silent = await listen({ limits: { silent: 1 } });
  const talker = await dial(silent.listener.port);
  const heard = hear(await silent.next());
  await turnedAway(silent.listener.port);
  talker.write([new Uint8Array(1)]);
  await heard.until(() => heard.length === 1);
  await dial(silent.listener.port);
  await silent.next();
  assert.equal(silent.listener.connections, 2);
});

test('the filter holds in both directions', async () => {
  const mesh = within([parsePrefix('10.0.0.0/24'), parsePrefix('fd00::/8')]);
  assert.deepEqual(
    ['10.0.0.9', '10.0.1.9', 'fd12::1', '2001:db8::1'].map((ip) => mesh.allows(ip)),
    [true, false, true, false],
  );
  const { listener } = await listen({ filter: mesh });
  await turnedAway(listener.port);
  assert.deepEqual(listener.refused, { filtered: 1, limited: 0 });
  const dialer = new TcpDialer({ filter: LOOPBACK_ONLY });
  await assert.rejects(dialer.dial({ ip: '10.0.0.1', port: 1 }), {
    name: 'DialError',
    message: '10.0.0.1:1: outside of what may be reached',
  });
});

test('both families share a port, and an address to dial from is kept to', async () => {
  const { listener, next } = await listen({ addresses: ['127.0.0.1', '::1'] });
  await dial(listener.port, '::1');
  assert.equal((await next()).remote.ip, '::1');
  const dialer = new TcpDialer({ filter: LOOPBACK_ONLY, from: { ipv4: '127.0.0.77' } });
  const duplex = await dialer.dial({ ip: '127.0.0.1', port: listener.port });
  open.push({ close: () => duplex.close('the test is over') });
  assert.equal((await next()).remote.ip, '127.0.0.77');
});

test('a port that is taken is named', async () => {
  const { listener } = await listen();
  await assert.rejects(listen({ port: listener.port }), (error: unknown) => {
    assert.ok(error instanceof KithError);
    assert.equal(error.code, 'SHARE_PORT_UNUSABLE');
    assert.match(error.message, new RegExp(`TCP port ${listener.port} is in use`));
    return true;
  });
});

test('a dial that fails says why, and one that is given up leaves nothing behind', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: string | AddressInfo | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  const dialer = new TcpDialer({ filter: LOOPBACK_ONLY, halfOpen: 1 });
  await assert.rejects(dialer.dial({ ip: '127.0.0.1', port }), {
    name: 'DialError',
    reason: 'connection refused',
  });
  await assert.rejects(dialer.dial({ ip: 'example.org', port }), { reason: 'not an IP address' });
  await assert.rejects(dialer.dial({ ip: '127.0.0.1', port }, { signal: AbortSignal.abort() }), {
    reason: 'given up',
  });

  const controller = new AbortController();
  const attempts = [1, 2, 3].map(() => dialer.dial({ ip: '127.0.0.1', port }, { signal: controller.signal }));
  assert.equal(dialer.dialing, 3);
  controller.abort();
  for (const result of await Promise.allSettled(attempts)) {
    assert.ok(result.status === 'rejected' && result.reason instanceof DialError);
    assert.equal(result.reason.reason, 'given up');
  }
  assert.equal(dialer.dialing, 0);
});

test('a peer that never answers is given up in time', async (t) => {
  // A full backlog: the system answers no further connection.
  const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 0 });
  await once(server, 'listening');
  t.after(() => server.close());
  const address: string | AddressInfo | null = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const dialer = new TcpDialer({ filter: LOOPBACK_ONLY, timeout: 5000 });
  const attempt = dialer.dial({ ip: '127.0.0.1', port });
  await Promise.resolve();
  t.mock.timers.tick(5000);
  await assert.rejects(attempt, { reason: 'no answer within 5 s' });
});

test("OpenSSL's exchange and the portable one are the same", () => {
  for (let i = 0; i < 20; i++) {
    const own = i === 0 ? new Uint8Array(20).fill(1, 19) : Uint8Array.from(randomBytes(20));
    const [native, portable] = [nodeDiffieHellman(() => own).generate(), portableDiffieHellman(() => own).generate()];
    const other = nodeDiffieHellman().generate();
    assert.deepEqual(native.publicKey, portable.publicKey);
    assert.deepEqual(native.secret(other.publicKey), portable.secret(other.publicKey));
    assert.throws(() => native.secret(new Uint8Array(96)), WireError);
    assert.throws(() => native.secret(new Uint8Array(96).fill(255)), WireError);
  }
});

test('exchanges that are under way at once do not disturb each other', () => {
  const group = nodeDiffieHellman();
  const [a, b] = [group.generate(), group.generate()];
  assert.deepEqual(a.secret(b.publicKey), b.secret(a.publicKey));
});
