/**
 * Who asks, and whether a page of this machine asks for them. The page has no cookie: on this machine it shows the token,
 * through a network its address tells the member, as the tunnel takes from each member only what is addressed as its own.
 * A page from elsewhere has neither a token nor this origin; a name that somebody points here (DNS rebinding) is no name
 * of this machine.
 */
import { isIP } from 'node:net';
import { equalBytes, KithError, TokenBucket, utf8 } from '@kith/core';

/** What is known of a request before anything of it is believed. */
export interface Knock {
  readonly method: string;
  /** Address that it comes from. */
  readonly remote: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`: what the browser says about the page that asks. */
  readonly site: string | undefined;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
}

export interface Caller {
  readonly who: 'owner' | 'admin' | 'member';
  /** Null for the owner. */
  readonly member: string | null;
  readonly mayAct: boolean;
}

export interface House {
  /** `HOST:PORT` in lower case: what this machine is called where it listens. */
  readonly names: ReadonlySet<string>;
  readonly token: string;
  /** The member of a network whose address in it this is; null for a stranger, and for this machine itself. */
  memberAt(address: string): { readonly name: string; readonly admin: boolean } | null;
}

/**
 * A question about data, or a wish to change something.
 *
 * @throws KithError FACE_ORIGIN, FACE_TOKEN, FACE_STRANGER; FACE_RIGHTS where somebody may look and wants to change
 */
export function admit(knock: Knock, house: House): Caller {
  admitPage(knock, house);
  const foreign = knock.origin !== undefined && knock.origin !== `http://${knock.host?.toLowerCase() ?? ''}`;
  const elsewhere = knock.site !== undefined && knock.site !== 'same-origin' && knock.site !== 'none';
  if (foreign || elsewhere) {
    throw new KithError(
      'FACE_ORIGIN',
      `a page of ${knock.origin ?? 'another site'} asked, which is not this machine's`,
    );
  }
  const caller = callerOf(knock, house);
  if (knock.method === 'GET' || knock.method === 'HEAD') return caller;
  if (!caller.mayAct) throw new KithError('FACE_RIGHTS', `${caller.member ?? 'this caller'} may look, not change`);
  // A form of another site can send text, never this: the browser would ask this server first, which does not answer.
  if (knock.contentType?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') {
    throw new KithError('FACE_ORIGIN', 'what changes something has to come as application/json');
  }
  return caller;
}

/** A question for the page itself, which holds nothing of this machine. @throws KithError FACE_ORIGIN */
export function admitPage({ host }: Knock, { names }: House): void {
  if (host !== undefined && names.has(host.toLowerCase())) return;
  throw new KithError('FACE_ORIGIN', `${JSON.stringify(host ?? '')} is no name of this machine`);
}

function callerOf({ authorization, remote }: Knock, house: House): Caller {
  if (authorization !== undefined) {
    const given = /^Bearer ([\w-]{1,100})$/.exec(authorization)?.[1] ?? '';
    if (equalBytes(utf8(given), utf8(house.token))) return { who: 'owner', member: null, mayAct: true };
    throw new KithError('FACE_TOKEN', 'the token is not the one of this machine');
  }
  const member = house.memberAt(plainAddress(remote));
  if (member !== null) return { who: member.admin ? 'admin' : 'member', member: member.name, mayAct: member.admin };
  if (isLoopback(remote)) throw new KithError('FACE_TOKEN', 'there is no token with the question');
  throw new KithError('FACE_STRANGER', `${plainAddress(remote)} is no member's address`);
}

/** An IPv4 address as itself where the system shows it within IPv6. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.split('%', 1)[0] ?? '';
}

function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** Questions a second from one address, and how many at once. The token has 128 random bits: guessing needs no limit. */
const PACE = { rate: 50, burst: 200 } as const;
/** Addresses that are remembered; the oldest is forgotten. */
const MOST_ADDRESSES = 1000;

/** How often each address may ask. */
export class Pace {
  readonly #places: Map<string, TokenBucket> = new Map();

  /** @throws KithError FACE_BUSY */
  ask(address: string, now: number): void {
    const bucket = this.#places.get(address) ?? new TokenBucket(PACE.rate, PACE.burst);
    this.#places.delete(address);
    this.#places.set(address, bucket);
    const oldest = this.#places.keys().next().value;
    if (oldest !== undefined && this.#places.size > MOST_ADDRESSES) this.#places.delete(oldest);
    if (!bucket.take(now)) throw new KithError('FACE_BUSY', `too many questions from ${address}`);
  }
}
