/**
 * SNTP, RFC 4330: one question for the time.
 *
 *   0  leap indicator (2 bits), version (3), mode (3: client, 4: server)
 *   1  stratum: 0 none, 1 to 15 synchronized, 16 not
 *   2  poll interval, 3 precision, 4 root delay, 8 root dispersion, 12 reference id, 16 reference time: not looked at
 *  24  originate timestamp: the transmit timestamp of the question
 *  32  receive timestamp
 *  40  transmit timestamp: seconds since 1900 as 32.32 bits
 */

const LENGTH = 48;
const VERSION = 4;
const CLIENT = 3;
const SERVER = 4;
/** Clock not synchronized, RFC 4330 section 4. */
const ALARM = 3;

export interface NtpAnswer {
  readonly stratum: number;
  /** When it was sent, ms since 1970 by the server's clock. */
  readonly time: number;
}

/** @param nonce 8 bytes that nobody can guess: what comes back has to carry them */
export function ntpQuestion(nonce: Uint8Array): Uint8Array {
  const out = new Uint8Array(LENGTH);
  out[0] = (VERSION << 3) | CLIENT;
  out.set(nonce, 40);
  return out;
}

/** What a server answered; a text where it is no answer to that question, or one without a time. */
export function ntpAnswer(bytes: Uint8Array, nonce: Uint8Array): NtpAnswer | string {
  if (bytes.length < LENGTH) return `an answer of ${bytes.length} bytes, which is too short for NTP`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, LENGTH);
  const [first, stratum] = [view.getUint8(0), view.getUint8(1)];
  if ((first & 7) !== SERVER) return `an answer in mode ${first & 7} instead of ${SERVER}`;
  if (nonce.some((byte, i) => byte !== bytes[24 + i])) return 'an answer to another question';
  if (stratum === 0 || stratum > 15 || first >> 6 === ALARM) return `an answer without a time (stratum ${stratum})`;
  const seconds = view.getUint32(40);
  if (seconds === 0) return 'an answer without a time';
  return { stratum, time: unixTime(seconds, view.getUint32(44)) };
}

/** Seconds with the highest bit unset count from 2036 on, RFC 4330 section 3. */
function unixTime(seconds: number, fraction: number): number {
  const since1900 = seconds >= 2 ** 31 ? seconds : seconds + 2 ** 32;
  return (since1900 - 2_208_988_800) * 1000 + (fraction / 2 ** 32) * 1000;
}
