/**
 * A member whose plane is started and stopped again and again while datagrams go both ways as fast as they can. Member
 * `n` of two is 10.77.0.n. Answers each line of its input with one; ends with it.
 */
import { createSocket } from 'node:dgram';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseAddress, parseEndpoint, parsePrefix } from '@kith/core';
import { nodeCrypto } from '../../src/node-crypto.ts';
import { createNodePlane, type NodePlane } from '../../src/node-plane.ts';
import { keyOf, nodeId, peerHandle } from '../rig.ts';

export interface StoppingProcess {
  readonly member: 1 | 2;
  readonly peerEndpoint: string;
}

export type StoppingCommand =
  | { readonly do: 'start' }
  /** The n-th session, whose keys follow from n; member 1 is the initiator. */
  | { readonly do: 'session'; readonly n: number }
  | { readonly do: 'status' }
  | { readonly do: 'stop' };

export interface StoppingStatus {
  /** IP packets that the plane took and gave, since it was started. */
  readonly sent: number;
  readonly received: number;
  /** Datagrams that the program got out of the interface, in all. */
  readonly arrived: number;
  readonly lost: number;
  readonly descriptors: number;
  readonly threads: number;
}

const { member, peerEndpoint }: StoppingProcess = JSON.parse(process.argv[2] as string);
const other = 3 - member;
const one = peerHandle(1);
const PORT = 7000;
const nothing = () => undefined;
let node: NodePlane | null = null;
let lost = 0;
let arrived = 0;

async function start(): Promise<void> {
  node = await createNodePlane({
    kind: 'native',
    crypto: nodeCrypto(),
    port: 6550,
    onTunLost: () => (lost += 1),
    events: {
      handshake: nothing,
      control: nothing,
      roamed: nothing,
      confirmed: nothing,
      noSession: nothing,
      noNextHop: nothing,
    },
    tun: { name: 'kith0', addresses: [{ address: parseAddress(`10.77.0.${member}`), length: 16 }], routes: [] },
  });
  node.plane.setSelf(nodeId(member));
  const path = { kind: 'direct', endpoint: parseEndpoint(peerEndpoint) } as const;
  const allowed = [parsePrefix(`10.77.0.${other}/32`)];
  node.plane.setPeer({ peer: one, allowed, path, gate: 'open', cipher: 'aes-256-gcm', keepAlive: 1 }, node.now());
}

async function handle(command: StoppingCommand): Promise<unknown> {
  switch (command.do) {
    case 'start':
      await start();
      return true;
    case 'session': {
      const [sendKey, receiveKey] = [keyOf(2 * command.n + member), keyOf(2 * command.n + other)];
      const now = node?.now() ?? 0;
      const localIndex = command.n + 1;
      const role = member === 1 ? 'initiator' : 'responder';
      node?.plane.setSession(
        {
          peer: one,
          localIndex,
          remoteIndex: localIndex,
          sendKey,
          receiveKey,
          aesSendKey: sendKey,
          aesReceiveKey: receiveKey,
          role,
          expiresAt: now + 180_000,
        },
        now,
      );
      node?.plane.sendKeepAlive(one, now);
      return true;
    }
    case 'status': {
      const counters = node?.plane.peerCounters(one);
      return {
        sent: counters?.sentPackets ?? 0,
        received: counters?.receivedPackets ?? 0,
        arrived,
        lost,
        descriptors: readdirSync('/proc/self/fd').length,
        threads: readdirSync('/proc/self/task').length,
      } satisfies StoppingStatus;
    }
    case 'stop': {
      const began = performance.now();
      await node?.stop();
      return performance.now() - began;
    }
  }
}

const udp = createSocket('udp4');
udp.on('message', () => (arrived += 1));
udp.on('error', nothing);
await new Promise<void>((resolve) => udp.bind(PORT, resolve));
const datagram = Buffer.alloc(1200, member);
// What is refused while there is no interface is lost.
const flood = setInterval(() => {
  for (let i = 0; i < 20; i++) udp.send(datagram, PORT, `10.77.0.${other}`, nothing);
}, 1);
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
say(true);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void handle(JSON.parse(line)).then(say));
lines.on('close', () => {
  clearInterval(flood);
  udp.close();
  void node?.stop();
});
