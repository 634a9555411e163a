/** respondd between a client that plays a router and the gateway, both ways. */
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ResponddAnswer,
  requestText,
  RESPONDD_LINK_GROUP,
  RESPONDD_PORT,
  RESPONDD_SITE_GROUP,
} from '@kith/gateway';
import { DOCTOR_QUESTION } from './job.ts';
import { repeat } from './leasing.ts';

const GROUPS = { link: RESPONDD_LINK_GROUP, site: RESPONDD_SITE_GROUP } as const;
/**
 * Milliseconds: who answers a group waits a while, and a gateway that was just made listens to it within five seconds.
 */
const TIME = 6500;
/** What an answer to the doctor's question carries. */
const REPLY = 'here';

/** The address that a router asks and answers from; null as long as the interface has none. */
export function linkLocalOf(device: string): string | null {
  const own = networkInterfaces()[device] ?? [];
  return own.find(({ family, address }) => family === 'IPv6' && address.startsWith('fe80:'))?.address ?? null;
}

/** Answers the doctor's question as a router would; nobody else's. */
export async function playRouter(device: string): Promise<void> {
  const socket = createSocket('udp6');
  socket.on('error', () => undefined);
  socket.on('message', (question, from) => {
    if (question.toString() === DOCTOR_QUESTION) socket.send(REPLY, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(RESPONDD_PORT, () => resolve()));
  for (const group of Object.values(GROUPS)) socket.addMembership(group, `::%${device}`);
}

/** The doctor's question from the gateway's side, until a router's answer got in or the time is over. */
export function hearAnswers(device: string): Promise<ResponddAnswer[]> {
  return askGroups(device, DOCTOR_QUESTION, 'answered');
}

/** A router's question from the client's side. */
export function askGateway(device: string): Promise<ResponddAnswer[]> {
  return askGroups(device, requestText(['nodeinfo']), 'asked');
}

function askGroups(
  device: string,
  question: string,
  direction: ResponddAnswer['direction'],
): Promise<ResponddAnswer[]> {
  const groups = Object.keys(GROUPS).filter((each): each is keyof typeof GROUPS => each in GROUPS);
  return Promise.all(
    groups.map(async (group) => ({ group, direction, arrived: await ask(device, GROUPS[group], question) })),
  );
}

async function ask(device: string, group: string, question: string): Promise<boolean> {
  const end = performance.now() + TIME;
  const socket = await openFrom(device, end);
  if (socket === null) return false;
  let arrived = false;
  socket.on('message', () => (arrived = true));
  await repeat(
    end - performance.now(),
    () => socket.send(question, RESPONDD_PORT, `${group}%${device}`),
    () => arrived,
  );
  socket.close();
  return arrived;
}

/**
 * A socket at the link-local address, or the kernel may choose another interface for the answer; null where there is
 * none by then. An interface that has just come up is still finding out whether it is alone with its address.
 */
async function openFrom(device: string, end: number): Promise<Socket | null> {
  for (;;) {
    const source = linkLocalOf(device);
    const socket = source === null ? null : await boundTo(`${source}%${device}`);
    if (socket !== null) {
      socket.setMulticastInterface(`::%${device}`);
      return socket;
    }
    if (performance.now() > end) return null;
    await wait(50);
  }
}

function boundTo(address: string): Promise<Socket | null> {
  const socket = createSocket('udp6');
  return new Promise((resolve) => {
    socket.on('error', () => {
      socket.removeAllListeners('listening');
      resolve(null);
    });
    socket.bind({ address, exclusive: true }, () => resolve(socket));
  });
}
