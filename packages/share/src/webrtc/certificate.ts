/**
 * The certificate that this side shows in DTLS: one for all connections of the process, so that who meets it again knows that
 * it is the same (RFC 8827, section 6.5, leaves that open). Browsers trust fingerprints and nothing else that is in it.
 *
 *     Certificate  SEQUENCE { tbs, algorithm, BIT STRING signature }                        RFC 5280, section 4.1
 *     tbs          SEQUENCE { [0] version, serial, algorithm, name, SEQUENCE { from, until }, name, public key }
 *     name         SEQUENCE { SET { SEQUENCE { OID commonName, UTF8String } } }
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** Both in PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

const TAG = { integer: 0x02, bits: 0x03, oid: 0x06, utf8: 0x0c, utcTime: 0x17, time: 0x18, sequence: 0x30, set: 0x31 };
/** Of the version, which stands between these. */
const EXPLICIT_0 = 0xa0;
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('550403', 'hex');
const VERSION_3 = 2;

/** A new one, over P-256, signed by itself. It tells nothing of when or where it was made. */
export function makeCertificate(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(TAG.sequence, der(TAG.oid, ECDSA_WITH_SHA256));
  const attribute = der(TAG.sequence, der(TAG.oid, COMMON_NAME), der(TAG.utf8, Buffer.from('WebRTC')));
  const name = der(TAG.sequence, der(TAG.set, attribute));
  // The second is the time that never comes (RFC 5280, section 4.1.2.5).
  const from = der(TAG.utcTime, Buffer.from('700101000000Z'));
  const until = der(TAG.time, Buffer.from('99991231235959Z'));
  const tbs = der(
    TAG.sequence,
    der(EXPLICIT_0, der(TAG.integer, Buffer.of(VERSION_3))),
    der(TAG.integer, serial()),
    algorithm,
    name,
    der(TAG.sequence, from, until),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = der(TAG.bits, Buffer.of(0), sign('sha256', tbs, privateKey));
  return {
    certificate: pem(der(TAG.sequence, tbs, algorithm, signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Positive, and in as few bytes as may be: neither a sign nor a zero comes first. */
function serial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), body]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
