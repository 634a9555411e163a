/**
 * Who wants to be told when something changes (UPnP Device Architecture 1.0, section 4). A subscriber is told at its own
 * address and nowhere else: otherwise anybody could have this machine call anybody (CVE-2020-12695).
 */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { escapeXml } from './xml.ts';

export interface Subscriber {
  /** Address that the request came from. */
  readonly remote: string;
  /** The header CALLBACK: `<http://…>`, one or more. */
  readonly callback: string;
  /** The header TIMEOUT. */
  readonly timeout: string | undefined;
}

export interface Granted {
  readonly sid: string;
  readonly seconds: number;
}

interface Subscription {
  readonly service: string;
  readonly url: URL;
  /** Monotonic ms. */
  until: number;
  /** Of the next message: 0 first, and after the highest 1 again (4.2.1). */
  sequence: number;
  /** The last message; one is sent at a time. */
  sent: Promise<void>;
}

export interface SubscriptionsOptions {
  /** Where messages are sent from. */
  readonly address: string;
  /** Monotonic ms. */
  readonly now: () => number;
}

const MOST_SUBSCRIPTIONS = 64;
/** Seconds. */
const LONGEST = 1800;
const SHORTEST = 60;
/** ms that a subscriber may take to hear. */
const PATIENCE = 5000;
const MOST_SEQUENCE = 2 ** 32 - 1;

export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #subscriptions: Map<string, Subscription> = new Map();
  readonly #abort: AbortController = new AbortController();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** Tells the state at once, and every change from then on. Undefined where the callback is not the subscriber's own. */
  add(service: string, subscriber: Subscriber, state: Readonly<Record<string, string>>): Granted | 'full' | undefined {
    const url = callbackOf(subscriber);
    if (url === undefined) return undefined;
    this.#forget();
    if (this.#subscriptions.size >= MOST_SUBSCRIPTIONS) return 'full';
    const sid = `uuid:${randomUUID()}`;
    const seconds = secondsOf(subscriber.timeout);
    const until = this.#options.now() + seconds * 1000;
    // The first message is for who has the answer already (4.1.2): the time of one turn does.
    const sent = new Promise<void>((resolve) => setTimeout(resolve, 100).unref());
    const subscription: Subscription = { service, url, until, sequence: 0, sent };
    this.#subscriptions.set(sid, subscription);
    this.#tell(sid, subscription, state);
    return { sid, seconds };
  }

  renew(sid: string, timeout: string | undefined): Granted | undefined {
    this.#forget();
    const known = this.#subscriptions.get(sid);
    if (known === undefined) return undefined;
    const seconds = secondsOf(timeout);
    known.until = this.#options.now() + seconds * 1000;
    return { sid, seconds };
  }

  /** False where there is none. */
  delete(sid: string): boolean {
    return this.#subscriptions.delete(sid);
  }

  publish(service: string, state: Readonly<Record<string, string>>): void {
    this.#forget();
    for (const [sid, each] of this.#subscriptions) if (each.service === service) this.#tell(sid, each, state);
  }

  close(): void {
    this.#subscriptions.clear();
    this.#abort.abort();
  }

  #forget(): void {
    for (const [sid, { until }] of this.#subscriptions) {
      if (until < this.#options.now()) this.#subscriptions.delete(sid);
    }
  }

  #tell(sid: string, subscription: Subscription, state: Readonly<Record<string, string>>): void {
    const properties = Object.entries(state).map(
      ([name, value]) => `<e:property><${name}>${escapeXml(value)}</${name}></e:property>`,
    );
    const body = Buffer.from(
      `<?xml version="1.0" encoding="utf-8"?>\n<e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">${properties.join('')}</e:propertyset>\n`,
    );
    const { sequence, url } = subscription;
    subscription.sequence = sequence === MOST_SEQUENCE ? 1 : sequence + 1;
    const headers = {
      ...{ 'Content-Type': 'text/xml; charset="utf-8"', 'Content-Length': body.length, Connection: 'close' },
      ...{ NT: 'upnp:event', NTS: 'upnp:propchange', SID: sid, SEQ: sequence },
    };
    subscription.sent = subscription.sent.then(async () => {
      if (this.#subscriptions.get(sid) === subscription) await this.#send(url, headers, body);
    });
  }

  /** Whoever does not hear it learns of it when asking the next time. */
  #send(url: URL, headers: Record<string, string | number>, body: Buffer): Promise<void> {
    const { address } = this.#options;
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(PATIENCE)]);
    return new Promise((resolve) => {
      const sending = request(url, { method: 'NOTIFY', headers, localAddress: address, agent: false, signal });
      sending.on('response', (response) => response.destroy());
      sending.on('error', () => resolve());
      sending.on('close', () => resolve());
      sending.end(body);
    });
  }
}

/** The first of the addresses that is the subscriber's own, by number: a name may be anybody's. */
function callbackOf({ remote, callback }: Subscriber): URL | undefined {
  if (callback.length > 2048) return undefined;
  for (const [, text = ''] of callback.matchAll(/<([^<>]*)>/g)) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const plain = url?.protocol === 'http:' && url.username === '' && url.password === '';
    if (url !== undefined && plain && url.hostname === remote) return url;
  }
  return undefined;
}

function secondsOf(timeout: string | undefined): number {
  const asked = /^Second-(\d{1,9})$/i.exec(timeout ?? '')?.[1];
  return asked === undefined ? LONGEST : Math.min(LONGEST, Math.max(SHORTEST, Number(asked)));
}
