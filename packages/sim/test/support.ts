/** What the tests of the network share. */
import { parseAddress, parseEndpoint, parsePrefix, utf8 } from '@kith/core';
import type { Address, Endpoint, Prefix } from '@kith/core';
import { Simulation } from '@kith/sim';
import type { Host, SimSocket } from '@kith/sim';

export const PORT = 6550;

export function simulation(seed = 'test'): Simulation {
  return new Simulation({ seed, describe: (head) => JSON.stringify(String.fromCharCode(...head)) });
}

export interface Received {
  readonly text: string;
  readonly from: Endpoint;
  readonly now: number;
}

/** A host that speaks text and keeps what it hears. */
export interface Talker {
  readonly host: Host;
  readonly socket: SimSocket;
  readonly heard: Received[];
  say(text: string, to: Endpoint | string): void;
}

export function talker(host: Host, port: number = PORT): Talker {
  const socket = host.bind(port);
  const heard: Received[] = [];
  socket.onDatagram = (bytes, from, now) => heard.push({ text: String.fromCharCode(...bytes), from, now });
  return { host, socket, heard, say: (text, to) => socket.send(utf8(text), parseEndpoint(to)) };
}

/** The texts that a talker heard, in order. */
export function texts(one: Talker): string[] {
  return one.heard.map(({ text }) => text);
}

export function at(one: Talker): Endpoint {
  return endpoint(`${one.host.address}:${one.socket.port}`);
}

export function endpoint(text: string): Endpoint {
  return parseEndpoint(text);
}

export function address(text: string): Address {
  return parseAddress(text);
}

export function prefix(text: string): Prefix {
  return parsePrefix(text);
}
