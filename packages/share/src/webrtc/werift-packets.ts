/**
 * Which datagrams reach werift. It believes any binding request, whoever sent it, and lets anybody begin a handshake anew, also
 * on a connection that is open: here requests need the password that the other side was told, DTLS has to come from where such
 * a request came from, and of a connection whose other side has proved who it is nothing is taken that is not encrypted.
 *
 *     STUN, RFC 8489, sections 5 and 14                 a record of DTLS 1.2, RFC 6347, section 4.1
 *      0  u16  class and method                          0  u8   type: 20 to 63
 *      2  u16  bytes behind the head                     1  u16  version
 *      4  u32  magic cookie                              3  u16  epoch: 0 before anything is encrypted
 *      8  96   transaction                               5  u48  sequence number
 *     20       attributes: u16 type, u16 length,        11  u16  bytes of the fragment
 *              value, padding to 4 bytes                13       fragment
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const STUN_HEAD = 20;
const COOKIE = 0x2112_a442;
const REQUEST = 0x0001;
const ANSWERS: ReadonlySet<number> = new Set([0x0101, 0x0111]);
const MESSAGE_INTEGRITY = 0x0008;
const FINGERPRINT = 0x8028;
const HMAC = 20;
const RECORD_HEAD = 13;
/** First bytes of DTLS, and of all that may be sent on the same port (RFC 7983, section 7). */
const DTLS = { first: 20, last: 63 };

/** Addresses that a peer may have checked from: it has a few for each of its interfaces. */
const MOST_SOURCES = 64;
/** A handshake takes ten datagrams, and what is lost of it comes again; fragments that never come whole stay in memory. */
const MOST_BEFORE = 256;
/** Records of the handshake once it is over: the last flight again. */
const MOST_AFTER = 16;
const HANDSHAKE = 22;

export interface PacketGateOptions {
  /** That checks have to be signed with. */
  password(): string;
  /** Whether the selected candidate is there; answers to our own checks select one that never asked. */
  selected(address: string, port: number): boolean;
}

/** What stands before the sockets of one connection. */
export class PacketGate {
  readonly #options: PacketGateOptions;
  /** Of checks that were signed. */
  readonly #sources = new Set<string>();
  #encrypted = false;
  #handshakes = 0;

  constructor(options: PacketGateOptions) {
    this.#options = options;
  }

  /** Whoever is at the other end has proved who it is: from now on everything has to be encrypted. */
  encryptedOnly(): void {
    this.#encrypted = true;
    this.#handshakes = 0;
  }

  /** What may go on of a datagram, if anything. */
  admit(datagram: Buffer, address: string, port: number): Buffer | undefined {
    const first = datagram[0] ?? 255;
    if (first >= DTLS.first && first <= DTLS.last) {
      const known = this.#sources.has(`${address} ${port}`) || this.#options.selected(address, port);
      if (!known) return undefined;
      if (this.#encrypted) return this.#encryptedRecords(datagram);
      return ++this.#handshakes > MOST_BEFORE ? undefined : datagram;
    }
    const type = stunType(datagram);
    if (type === undefined) return undefined;
    // Whose question they answer is known by their transaction, and werift looks at how they are signed.
    if (ANSWERS.has(type)) return datagram;
    if (type !== REQUEST || !signedWith(datagram, this.#options.password())) return undefined;
    if (this.#sources.size < MOST_SOURCES) this.#sources.add(`${address} ${port}`);
    return this.#sources.has(`${address} ${port}`) ? datagram : undefined;
  }

  #encryptedRecords(datagram: Buffer): Buffer | undefined {
    const records: Buffer[] = [];
    for (let at = 0; at + RECORD_HEAD <= datagram.length;) {
      const end = at + RECORD_HEAD + datagram.readUInt16BE(at + 11);
      if (end > datagram.length) break;
      const unwanted =
        datagram.readUInt16BE(at + 3) === 0 || (datagram[at] === HANDSHAKE && ++this.#handshakes > MOST_AFTER);
      if (!unwanted) records.push(datagram.subarray(at, end));
      at = end;
    }
    const [only] = records;
    return only === undefined || records.length === 1 ? only : Buffer.concat(records);
  }
}

function stunType(datagram: Buffer): number | undefined {
  const { length } = datagram;
  if (length < STUN_HEAD || length % 4 !== 0 || datagram.readUInt32BE(4) !== COOKIE) return undefined;
  return datagram.readUInt16BE(2) === length - STUN_HEAD ? datagram.readUInt16BE(0) : undefined;
}

/** @returns false as well where anything that was not signed follows */
function signedWith(message: Buffer, password: string): boolean {
  for (let at = STUN_HEAD; at + 4 <= message.length;) {
    const length = message.readUInt16BE(at + 2);
    const end = at + 4 + length + ((4 - (length % 4)) % 4);
    if (message.readUInt16BE(at) === MESSAGE_INTEGRITY) {
      const signature = message.subarray(at + 4, at + 4 + HMAC);
      if (length !== HMAC || signature.length !== HMAC || !nothingBut(FINGERPRINT, message, end)) return false;
      const signed = Buffer.from(message.subarray(0, at));
      // As if the message ended with its signature (RFC 8489, section 14.5).
      signed.writeUInt16BE(end - STUN_HEAD, 2);
      return timingSafeEqual(createHmac('sha1', password).update(signed).digest(), signature);
    }
    at = end;
  }
  return false;
}

function nothingBut(attribute: number, message: Buffer, at: number): boolean {
  return at === message.length || (at + 8 === message.length && message.readUInt16BE(at) === attribute);
}
