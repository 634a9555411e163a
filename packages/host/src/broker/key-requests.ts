/**
 * What routers send to be let in, and what they are told. JSON both ways:
 *
 *     POST /v1/routers                  {"key", "domain"?, "name"?}
 *       200 {"standing": "admitted", "gateway": {"key", "address", "port", "allowed"}}
 *       202 {"standing": "waiting"}     403 {"standing": "refused"}
 *     POST /api/v1/wg/key/exchange      {"domain", "public_key"}, as wgkex has it
 *       200 {"Message": "OK"}
 *     POST /api/v2/wg/key/exchange      the same
 *       200 {"Endpoint": {"Address", "Port", "AllowedIPs", "PublicKey"}}
 *     otherwise 400, 404, 429           {"error": {"code", "message"}}
 *
 * A key is public, and whoever holds it proves so in the tunnel: nothing here is secret. That the answer is the gateway's
 * own is for TLS to say, in front of it.
 */
import { type Address, KithError, TokenBucket } from '@kith/core';
import { entryOf, kindOfKey, type RouterEntry, type RouterKind, type RouterRequest, targetOf } from '@kith/gateway';
import { Answer } from '../answer.ts';
import type { KeyBroker } from './key-broker.ts';

export interface KeyRequest {
  readonly method: string;
  readonly path: string;
  /** At most {@link LONGEST_REQUEST} bytes. */
  readonly body: string;
  readonly from: Address;
  /** The address that it was sent to. */
  readonly to: string;
  /** Monotonic milliseconds. */
  readonly now: number;
}

export interface KeyReply {
  readonly status: number;
  readonly body: object;
}

export const LONGEST_REQUEST = 2048;

/** Requests of one place: twenty at once, then one in five seconds. Routers ask every few minutes. */
const PLACE = { rate: 0.2, burst: 20 };
/** Of all places together. */
const ALL = { rate: 50, burst: 200 };
const MOST_PLACES = 4096;

type Form = 'kith' | 'wgkex1' | 'wgkex2';

const FORMS: ReadonlyMap<string, Form> = new Map([
  ['/v1/routers', 'kith'],
  ['/api/v1/wg/key/exchange', 'wgkex1'],
  ['/api/v2/wg/key/exchange', 'wgkex2'],
]);

export class KeyRequests {
  readonly #broker: KeyBroker;
  readonly #all = new TokenBucket(ALL.rate, ALL.burst);
  readonly #places = new Map<string, TokenBucket>();

  constructor(broker: KeyBroker) {
    this.#broker = broker;
  }

  /** Never throws for what a router sent. */
  async answer(request: KeyRequest): Promise<KeyReply> {
    try {
      const form = FORMS.get(request.path);
      if (form === undefined || request.method !== 'POST')
        return complaint(404, 'REGISTRATION_INVALID', 'POST /v1/routers');
      if (!this.#allows(request)) return complaint(429, 'ROUTER_LIMIT', 'too many requests: ask again in a minute');
      const entry = await this.#broker.ask(this.#read(request, form));
      return this.#reply(entry, form, request.to);
    } catch (error) {
      if (!(error instanceof KithError)) throw error;
      if (error.code === 'ROUTER_LIMIT') return complaint(429, error.code, error.message);
      if (error.code !== 'REGISTRATION_INVALID' && error.code !== 'HOST_ANSWER_INVALID') throw error;
      return complaint(400, 'REGISTRATION_INVALID', error.message);
    }
  }

  #allows({ from, now }: KeyRequest): boolean {
    const place = targetOf(from);
    const bucket = this.#places.get(place) ?? new TokenBucket(PLACE.rate, PLACE.burst);
    this.#places.delete(place);
    this.#places.set(place, bucket);
    const [oldest] = this.#places.keys();
    if (this.#places.size > MOST_PLACES && oldest !== undefined) this.#places.delete(oldest);
    return bucket.take(now) && this.#all.take(now);
  }

  #read({ body, from }: KeyRequest, form: Form): RouterRequest {
    const fields = Answer.parse(body, 'a router');
    const key = fields.field(form === 'kith' ? 'key' : 'public_key').text(64);
    const kind = kindOfKey(key);
    const { domains } = this.#broker.gateway;
    const offered = domains.filter((each) => kind !== null && each[kind] !== null);
    const [only, ...others] = offered;
    if (kind === null || only === undefined || (form !== 'kith' && kind !== 'wireguard')) throw refusedKey(key, kind);
    const code = fields.optional('domain')?.text(64) ?? (others.length === 0 ? only.domain.code : '');
    if (!offered.some(({ domain }) => domain.code === code)) {
      const codes = offered.map(({ domain }) => domain.code).join(', ');
      throw new KithError('REGISTRATION_INVALID', `"domain" is "${code}", there are ${codes}`);
    }
    return { kind, key, domain: code, name: fields.optional('name')?.text(64) ?? null, from };
  }

  #reply(entry: RouterEntry, form: Form, to: string): KeyReply {
    const { standing } = entry;
    const status = { admitted: 200, waiting: 202, refused: 403 }[standing];
    const gateway = this.#end(entry, to);
    if (form === 'kith') return { status, body: standing === 'admitted' ? { standing, gateway } : { standing } };
    if (standing !== 'admitted') return { status, body: { Message: standing } };
    if (form === 'wgkex1') return { status, body: { Message: 'OK' } };
    const { address, port, allowed, key } = gateway;
    return {
      status,
      body: { Endpoint: { Address: address, Port: String(port), AllowedIPs: allowed, PublicKey: key } },
    };
  }

  /** The gateway's end of the router's tunnel. */
  #end({ kind, domain }: RouterEntry, to: string): { key: string; address: string; port: number; allowed: string[] } {
    const { gateway } = this.#broker;
    const { identity, settings, host, domains } = gateway;
    const tunnel = domains.find((each) => each.domain.code === domain)?.[kind] ?? null;
    return {
      key: identity[kind] ?? '',
      address: entryOf(host, settings)?.endpoints[0] ?? to,
      port: tunnel?.boundPort ?? 0,
      allowed: kind === 'wireguard' ? ['fe80::1/128'] : [],
    };
  }
}

function refusedKey(key: string, kind: RouterKind | null): KithError {
  const why = kind === null ? 'is no public key of fastd or WireGuard' : `is one of ${kind}, which is not offered here`;
  return new KithError('REGISTRATION_INVALID', `"${key}" ${why}`);
}

function complaint(status: number, code: string, message: string): KeyReply {
  return { status, body: { error: { code, message } } };
}
