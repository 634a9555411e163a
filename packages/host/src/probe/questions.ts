/** What a client asks of its gateway, each question with a verdict: null, or for a person what is wrong. */
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type Address, isIPv4, KithError } from '@kith/core';
import type { ClientService, ServiceAnswer, UpstreamFacts } from '@kith/gateway';
import dns from 'dns-packet';
import { run } from '../command.ts';
import { ntpAnswer, ntpQuestion } from '../supervisor/ntp.ts';

/** Milliseconds; a datagram is sent three times, as one may get lost. */
const TIME = 3000;
const AGAIN = 900;
/** An answer over TCP is no longer, RFC 1035 section 4.2.2. */
const LONGEST = 65_535 + 2;
/** What a server says that does not want to. */
const REFUSED = said('REFUSED');
/** Header and echo: what `ping -s` does not count. */
const PING4 = 28;
const PING6 = 48;
/** What ways in the field take: tunnels, DSL, Ethernet. */
const SIZES = [1280, 1320, 1360, 1400, 1412, 1420, 1440, 1452, 1460, 1472, 1480, 1488, 1492, 1496, 1500];

type Verdict = Pick<ServiceAnswer, 'complaint' | 'stratum'>;

/** Everything that is asked over one family, all at once. */
export async function askServices(gateway: Address, zone: string): Promise<ServiceAnswer[]> {
  const family = isIPv4(gateway) ? 4 : 6;
  const own = `gw.${zone}`;
  const asked: [ClientService, Promise<Verdict>][] = [
    ['dns-udp', askDns(gateway, own, 'A', overUdp)],
    ['dns-tcp', askDns(gateway, own, 'A', overTcp)],
    ['ntp', askNtp(gateway)],
  ];
  if (await hasPing()) asked.push(['ping', askPing(gateway)]);
  // The root is a name that only the world knows, and nobody's business but the resolver's.
  if (family === 4) asked.push(['dns-world', askDns(gateway, '.', 'NS', overTcp)]);
  return Promise.all(asked.map(async ([service, verdict]) => ({ service, family, ...(await verdict) })));
}

/** Whether echoes come back, and the largest packet that does, in one piece, up to `mtu` bytes. */
export async function reach(target: Address, mtu: number): Promise<{ reached: boolean; widest: number | null }> {
  const [reached, whole] = await Promise.all([pings(target, 64), pings(target, mtu)]);
  if (whole) return { reached: true, widest: mtu };
  if (!reached) return { reached: false, widest: null };
  const sizes = SIZES.filter((size) => size < mtu);
  const passed = await Promise.all(sizes.map((size) => pings(target, size)));
  return { reached: true, widest: sizes.findLast((_, i) => passed[i]) ?? null };
}

/** Small installations leave it out: then nobody is asked for echoes. */
export async function hasPing(): Promise<boolean> {
  try {
    return (await run(['ping', '-V'])).code === 0;
  } catch (error) {
    if (error instanceof KithError && error.code === 'HOST_PROGRAM_MISSING') return false;
    throw error;
  }
}

/** @param size of the whole packet in bytes, which nobody may cut */
export async function pings(target: Address, size: number): Promise<boolean> {
  const payload = Math.max(0, size - (isIPv4(target) ? PING4 : PING6));
  const argv = ['ping', '-n', '-q', '-c', '2', '-i', '0.3', '-W', '1', '-M', 'do', '-s', String(payload), target];
  // One answer of two is an answer.
  const { stdout } = await run(argv, { timeout: 5000 });
  return /[12] received/.test(stdout);
}

async function askPing(gateway: Address): Promise<Verdict> {
  return { complaint: (await pings(gateway, 64)) ? null : 'silence' };
}

type Carrier = (server: Address, port: number, question: Uint8Array) => Promise<Uint8Array | string>;

async function askDns(server: Address, name: string, type: 'A' | 'NS', carrier: Carrier): Promise<Verdict> {
  const id = randomInt(0x10000);
  const question = dns.encode({ type: 'query', id, flags: dns.RECURSION_DESIRED, questions: [{ type, name }] });
  const answer = await carrier(server, 53, question);
  return { complaint: typeof answer === 'string' ? answer : judgeDns(answer, id) };
}

function judgeDns(bytes: Uint8Array, id: number): string | null {
  try {
    const answer: dns.DecodedPacket & { readonly rcode?: string } = dns.decode(Buffer.from(bytes));
    if (answer.id !== id || answer.type !== 'response') return 'an answer to another question';
    return answer.rcode === 'NOERROR' || answer.rcode === 'NXDOMAIN' ? null : said(String(answer.rcode));
  } catch {
    return 'an answer that is no DNS';
  }
}

function said(code: string): string {
  return `the answer ${code}`;
}

async function askNtp(server: Address): Promise<Verdict> {
  const nonce = randomBytes(8);
  const answer = await overUdp(server, 123, ntpQuestion(nonce));
  if (typeof answer === 'string') return { complaint: answer };
  const judged = ntpAnswer(answer, nonce);
  return typeof judged === 'string' ? { complaint: judged } : { complaint: null, stratum: judged.stratum };
}

function overUdp(server: Address, port: number, question: Uint8Array): Promise<Uint8Array | string> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv4(server) ? 'udp4' : 'udp6');
    const finish = (answer: Uint8Array | string): void => {
      clearTimeout(timer);
      clearInterval(again);
      socket.removeAllListeners().on('error', () => undefined);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('silence'), TIME);
    const again = setInterval(() => socket.send(question), AGAIN);
    socket.on('error', (error: NodeJS.ErrnoException) => finish(refusal(error)));
    socket.on('message', (bytes) => finish(bytes));
    // Connected: a port that nobody listens on is told at once, and strangers' datagrams do not come in.
    socket.connect(port, server, () => socket.send(question));
  });
}

function overTcp(server: Address, port: number, question: Uint8Array): Promise<Uint8Array | string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: server, port });
    const finish = (answer: Uint8Array | string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish('silence'), TIME);
    socket.on('error', (error: NodeJS.ErrnoException) => finish(refusal(error)));
    socket.on('close', () => finish('an answer that was cut short'));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const length = bytes.length < 2 ? LONGEST : 2 + bytes.readUInt16BE(0);
      if (bytes.length >= length) finish(bytes.subarray(2, length));
    });
    const length = Uint8Array.of(question.length >> 8, question.length & 0xff);
    socket.on('connect', () => socket.write(Buffer.concat([length, question])));
  });
}

function refusal(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refused: nothing listens there';
    case 'EHOSTUNREACH':
    case 'EACCES':
    case 'ENETUNREACH':
      return 'refused by a firewall, or no way there';
    default:
      return error.code ?? error.message;
  }
}

/** How a server answers for the root, over UDP; the complaint is for a person, and null where it answers anything. */
export async function askRoot(server: Address): Promise<Pick<UpstreamFacts, 'complaint' | 'refuses'>> {
  const { complaint } = await askDns(server, '.', 'NS', overUdp);
  const refuses = complaint === REFUSED;
  return { complaint: refuses ? null : complaint, refuses };
}
