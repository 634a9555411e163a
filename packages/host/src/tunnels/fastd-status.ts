/**
 * What a running fastd tells over its status socket: whoever connects is sent one object of JSON, then the end. fastd 22,
 * src/status.c. Times are milliseconds.
 */
import { connect } from 'node:net';
import { KithError } from '@kith/core';
import { Answer } from '../answer.ts';

export interface FastdCounter {
  readonly packets: number;
  readonly bytes: number;
}

export interface FastdTraffic {
  readonly rx: FastdCounter;
  readonly tx: FastdCounter;
  /** Packets that were not sent: the queue was full, or the system refused. */
  readonly dropped: FastdCounter;
  readonly failed: FastdCounter;
}

export interface FastdPeer {
  /** 64 hexadecimal digits. */
  readonly key: string;
  /** Name of its file; null for one that only the program of `on verify` knows. */
  readonly name: string | null;
  /** `192.0.2.2:32971`, `[2001:db8::2]:32971`, or `any` where it was never heard. */
  readonly address: string;
  /** Null while there is no session. */
  readonly session: {
    /** Milliseconds since the handshake. */
    readonly age: number;
    /** Null for a session that fastd is about to give up. */
    readonly method: string | null;
    readonly traffic: FastdTraffic;
    /** Of the Ethernet frames that came from there. */
    readonly macs: readonly string[];
  } | null;
}

export interface FastdStatus {
  /** Milliseconds. */
  readonly uptime: number;
  /** Of the TAP; null in modes with an interface for each peer. */
  readonly interface: string | null;
  readonly traffic: FastdTraffic;
  readonly peers: readonly FastdPeer[];
}

/** More peers than the file allows for, with half a kilobyte each. */
const MOST_PEERS = 20_000;
const MOST_MACS = 65_536;
const LONGEST = 32 << 20;

const KEY = /^[0-9a-f]{64}$/;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/**
 * @param path of the status socket
 * @throws KithError HOST_ANSWER_INVALID when nobody listens, it takes more than five seconds or is not understood
 */
export async function fastdStatus(path: string): Promise<FastdStatus> {
  return parseFastdStatus(await read(path), path);
}

/** @throws KithError HOST_ANSWER_INVALID */
export function parseFastdStatus(text: string, path: string): FastdStatus {
  const from = Answer.parse(text, `fastd at ${path}`);
  return {
    uptime: from.field('uptime').count(),
    interface: from.optional('interface')?.text(64) ?? null,
    traffic: traffic(from.field('statistics')),
    peers: from
      .field('peers')
      .entries(KEY, MOST_PEERS)
      .map(([key, each]) => peer(key, each)),
  };
}

function peer(key: string, from: Answer): FastdPeer {
  const session = from.optional('connection');
  return {
    key,
    name: from.optional('name')?.text(255) ?? null,
    address: from.field('address').text(128),
    session:
      session === null
        ? null
        : {
            age: session.field('established').count(),
            method: session.optional('method')?.text(64) ?? null,
            traffic: traffic(session.field('statistics')),
            macs:
              session
                .optional('mac_addresses')
                ?.list(MOST_MACS)
                .map((each) => each.matching(MAC)) ?? [],
          },
  };
}

function traffic(from: Answer): FastdTraffic {
  const counter = (key: string): FastdCounter => {
    const each = from.field(key);
    return { packets: each.field('packets').count(), bytes: each.field('bytes').count() };
  };
  return { rx: counter('rx'), tx: counter('tx'), dropped: counter('tx_dropped'), failed: counter('tx_error') };
}

function read(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect(path);
    const refuse = (why: string, cause?: Error): void => {
      socket.destroy();
      reject(new KithError('HOST_ANSWER_INVALID', `fastd at ${path} ${why}`, { cause }));
    };
    const timer = setTimeout(() => refuse('did not answer within 5 s'), 5000);
    socket.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LONGEST) refuse(`wrote more than ${LONGEST} bytes`);
      else chunks.push(chunk);
    });
    socket.on('error', (error) => refuse(`does not answer: ${error.message}`, error));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString());
    });
  });
}
