/** Whether a daemon serves: it is asked what its clients ask. */
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Probe } from '@kith/gateway';
import dns from 'dns-packet';
import { ntpAnswer, ntpQuestion } from './ntp.ts';
import { holdsPort } from './process-table.ts';

/**
 * Asks once.
 *
 * @param pid of the daemon: an answer that somebody else gave is none
 * @param timeout milliseconds
 * @returns null where it serves, otherwise what is wrong with it, for a person
 */
export async function ask(probe: Probe, pid: number, timeout: number): Promise<string | null> {
  switch (probe.type) {
    case 'dns':
      return (await askDns(probe, timeout)) ?? heldBy(pid, probe.port, ['udp', 'tcp']);
    case 'ntp':
      return (await askNtp(probe, timeout)) ?? heldBy(pid, probe.port, ['udp']);
    case 'socket':
      return askSocket(probe.path, timeout);
    case 'running':
      return null;
  }
}

/** One that cannot have all of its ports may have one of them for a moment, while somebody else answers. */
function heldBy(pid: number, port: number, protocols: readonly ('udp' | 'tcp')[]): string | null {
  const missing = protocols.find((protocol) => !holdsPort(pid, protocol, port));
  return missing === undefined ? null : `another process answers on port ${port}/${missing}`;
}

function askDns({ address, port, name }: Probe & { type: 'dns' }, timeout: number): Promise<string | null> {
  const id = randomInt(0x10000);
  const question = dns.encode({ type: 'query', id, questions: [{ type: 'A', name }] });
  return exchange(address, port, question, timeout, (bytes) => {
    const answer = decodedDns(bytes);
    if (answer === null || answer.id !== id || answer.type !== 'response') return undefined;
    if ((answer.answers ?? []).some((each) => each.type === 'A' && each.name.toLowerCase() === name.toLowerCase()))
      return null;
    return `it does not know ${name} (${answer.rcode})`;
  });
}

/** dns-packet tells the code of the answer, which its types leave out. */
function decodedDns(bytes: Buffer): (dns.DecodedPacket & { readonly rcode?: string }) | null {
  try {
    return dns.decode(bytes);
  } catch {
    return null;
  }
}

function askNtp({ address, port }: Probe & { type: 'ntp' }, timeout: number): Promise<string | null> {
  const nonce = randomBytes(8);
  return exchange(address, port, ntpQuestion(nonce), timeout, (bytes) => {
    const answer = ntpAnswer(bytes, nonce);
    return typeof answer === 'string' ? answer : null;
  });
}

/** One datagram there. `judge` says what came back means: undefined for what has nothing to do with the question. */
function exchange(
  address: string,
  port: number,
  question: Uint8Array,
  timeout: number,
  judge: (bytes: Buffer) => string | null | undefined,
): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const finish = (verdict: string | null): void => {
      clearTimeout(timer);
      socket.removeAllListeners().on('error', () => undefined);
      socket.close();
      resolve(verdict);
    };
    const where = `${address} port ${port}/udp`;
    const timer = setTimeout(() => finish(`no answer from ${where} within ${timeout / 1000} s`), timeout);
    socket.on('error', (error: NodeJS.ErrnoException) => finish(`${where}: ${error.code ?? error.message}`));
    socket.on('message', (bytes) => {
      const verdict = judge(bytes);
      if (verdict !== undefined) finish(verdict);
    });
    // Connected: an unreachable port is told at once, and nobody else's datagrams come in.
    socket.connect(port, address, () => socket.send(question));
  });
}

function askSocket(path: string, timeout: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (verdict: string | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(verdict);
    };
    const timer = setTimeout(() => finish(`${path} does not answer within ${timeout / 1000} s`), timeout);
    socket.on('connect', () => finish(null));
    socket.on('error', (error: NodeJS.ErrnoException) => finish(`${path}: ${error.code ?? error.message}`));
  });
}
