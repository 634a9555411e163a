/**
 * A process that is one WireGuard peer on a UDP socket, with a tunnel address that answers and sends ICMP echoes, all in
 * user space. It runs inside a network namespace and does what its parent asks over the IPC channel.
 */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import { SecretKey, fromHex, keyBytes, parseTunnelKey, utf8 } from '@kith/core';
import type { DeviceLimits } from '@kith/wireguard';
import { CookieJar, INITIATION_LENGTH, TYPE_COOKIE, TYPE_INITIATION } from '@kith/wireguard';
import { realCrypto } from '../helpers/crypto.ts';
import { TestPeer } from '../helpers/peer.ts';
import { echoReply, echoRequest, isEchoReply } from './icmp.ts';

/** Command line argument, as JSON. */
export interface HarnessInit {
  readonly secret: string;
  readonly peer: string;
  readonly presharedKey?: string;
  readonly address: string;
  readonly port: number;
  readonly endpoint: { readonly address: string; readonly port: number } | null;
  readonly tunnelAddress: string;
  readonly peerTunnelAddress: string;
  /** How many times faster than real our protocol clock runs. */
  readonly timeScale: number;
  readonly limits?: Partial<DeviceLimits>;
}

export type Command =
  | { readonly do: 'send echo'; readonly sequence: number }
  | { readonly do: 'initiate' }
  | { readonly do: 'bind'; readonly address: string; readonly port: number }
  | { readonly do: 'flood'; readonly messages: number }
  | { readonly do: 'status' };

export interface Status {
  readonly state: string;
  readonly repliesSeen: number[];
  readonly requestsAnswered: number;
  readonly sessionsAsInitiator: number;
  readonly sessionsAsResponder: number;
  readonly openSessions: number;
  readonly cookiesReceived: number;
  readonly initiationsWithMac2: number;
  readonly route: string | null;
}

interface Route {
  readonly address: string;
  readonly port: number;
}

const init: HarnessInit = JSON.parse(process.argv[2] ?? '{}');
const now = () => performance.now() * init.timeScale + 1;
const repliesSeen = new Set<number>();
let requestsAnswered = 0;
let cookiesReceived = 0;
let initiationsWithMac2 = 0;
let socket: Socket;

const peer = new TestPeer<Route>({
  crypto: realCrypto,
  secret: new SecretKey(fromHex(init.secret)),
  wall: () => Date.now(),
  sourceBytes: (route) => utf8(route.address),
  ...(init.limits && { limits: init.limits }),
  transmit: (bytes, route) => {
    if (bytes[0] === TYPE_INITIATION && bytes.subarray(-16).some((byte) => byte !== 0)) initiationsWithMac2++;
    socket.send(bytes, route.port, route.address);
  },
  deliver: (from, packet, at) => {
    const answer = echoReply(packet, init.tunnelAddress);
    if (answer !== null) {
      requestsAnswered++;
      peer.send(from, answer, at);
    }
    const sequence = isEchoReply(packet, init.tunnelAddress);
    if (sequence !== null) repliesSeen.add(sequence);
  },
});
peer.add(
  1,
  {
    publicKey: parseTunnelKey(init.peer),
    ...(init.presharedKey && { presharedKey: new SecretKey(fromHex(init.presharedKey)) }),
  },
  init.endpoint,
);

function bind(address: string, port: number): Promise<void> {
  const fresh = createSocket('udp4');
  fresh.on('message', (bytes, from) => {
    if (bytes[0] === TYPE_COOKIE) cookiesReceived++;
    peer.handleDatagram(new Uint8Array(bytes), { address: from.address, port: from.port }, now());
  });
  return new Promise((resolve) => {
    fresh.bind(port, address, () => {
      socket?.close();
      socket = fresh;
      resolve();
    });
  });
}

/** Well-formed initiations with a good mac1 and nothing true inside: each costs the receiver a Diffie-Hellman. */
async function flood(messages: number): Promise<void> {
  const { endpoint } = init;
  if (endpoint === null) return;
  const jar = new CookieJar(realCrypto, keyBytes(parseTunnelKey(init.peer)));
  const garbage = Array.from({ length: messages }, () => {
    const message = new Uint8Array(INITIATION_LENGTH);
    message.set(realCrypto.random(INITIATION_LENGTH - 4), 4);
    message[0] = TYPE_INITIATION;
    jar.stamp(message, 0);
    return message;
  });
  for (let at = 0; at < garbage.length; at += 200) {
    const burst = garbage.slice(at, at + 200);
    await Promise.all(
      burst.map((message) => new Promise((sent) => socket.send(message, endpoint.port, endpoint.address, sent))),
    );
  }
}

function status(): Status {
  const route = peer.route(1);
  return {
    state: peer.device.sessionState(1),
    repliesSeen: [...repliesSeen],
    requestsAnswered,
    sessionsAsInitiator: peer.events('session 1 initiator').length,
    sessionsAsResponder: peer.events('session 1 responder').length,
    openSessions: peer.sessions.size,
    cookiesReceived,
    initiationsWithMac2,
    route: route && `${route.address}:${route.port}`,
  };
}

async function obey(command: Command): Promise<void> {
  switch (command.do) {
    case 'send echo':
      peer.send(1, echoRequest(init.tunnelAddress, init.peerTunnelAddress, command.sequence), now());
      return;
    case 'initiate':
      peer.device.initiate(1, now());
      return;
    case 'bind':
      return bind(command.address, command.port);
    case 'flood':
      return flood(command.messages);
    case 'status':
      return;
  }
}

process.on('message', (command: Command) => {
  void obey(command).then(() => process.send?.(status()));
});
// The parent is gone: nothing is left to do.
process.on('disconnect', () => process.exit());

let nextPoll = 0;
setInterval(() => {
  const time = now();
  if ((peer.device.wakeAt() ?? Infinity) <= time) peer.device.tick(time);
  if (time >= nextPoll) {
    nextPoll = time + 1000;
    peer.poll(time);
  }
}, 10);

await bind(init.address, init.port);
process.send?.(status());
