/** respondd between a client that plays a router and the gateway, both ways. */
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
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
/** Milliseconds; routers wait a while before they answer a group. */
const TIME = 3000;
/** What an answer to the doctor's question carries. */
const REPLY = 'here';

/** The address that a router asks and answers from; null as long as the interface has none. */
export function linkLocalOf(device: string): string | null {
  const own = networkInterfaces()[device] ?? [];
  return own.find(({ family, address }) => family === 'IPv6' && address.startsWith('fe80:'))?.address ?? null;
}

/** Answers the doctor's question as a router would; nobody else's. */
export async function playRouter(device: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp6', reuseAddr: true });
  socket.on('error', () => undefined);
  socket.on('message', (question, from) => {
    if (question.toString() === DOCTOR_QUESTION) socket.send(REPLY, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(RESPONDD_PORT, () => resolve()));
  for (const group of Object.values(GROUPS)) socket.addMembership(group, `::%${device}`);
  return socket;
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
  const source = linkLocalOf(device);
  if (source === null) return false;
  const socket = createSocket('udp6');
  let arrived = false;
  socket.on('error', () => undefined);
  socket.on('message', () => (arrived = true));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      // From the link-local address, or the kernel may choose another interface for the answer.
      socket.bind({ address: `${source}%${device}` }, () => resolve());
    });
    socket.setMulticastInterface(`::%${device}`);
    await repeat(
      TIME,
      () => socket.send(question, RESPONDD_PORT, `${group}%${device}`),
      () => arrived,
    );
  } catch {
    // Without the address there is no answer either.
  } finally {
    socket.close();
  }
  return arrived;
}
