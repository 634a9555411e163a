/** Which of the two ciphers this machine would rather open: what the environment says, or else what was measured. */
import { KithError } from '@kith/core';
import type { PlaneCrypto } from './portable/index.ts';

/** A packet that fills a cable of 1,500 bytes; how many are sealed and opened in a turn, and how many turns there are. */
const PACKET = 1392;
const PACKETS = 16;
const TURNS = 6;
/** A close call is not worth a second cipher. */
const CLEARLY = 0.85;

/**
 * @param measure asked where the environment says nothing
 * @throws KithError CONFIG_INVALID for a `KITH_CIPHER` that is none
 */
export function choosesAes(measure: () => boolean): boolean {
  const text = process.env['KITH_CIPHER'];
  if (text === undefined || text === '') return measure();
  if (text === 'aes-256-gcm') return true;
  if (text === 'chacha20-poly1305') return false;
  throw new KithError(
    'CONFIG_INVALID',
    `KITH_CIPHER is ${JSON.stringify(text)}: set it to aes-256-gcm or chacha20-poly1305`,
  );
}

let measured: boolean | undefined;

/** Whether AES-256-GCM is clearly faster by what Node offers. Takes a few milliseconds, once. */
export function measuresAesFaster(crypto: PlaneCrypto): boolean {
  measured ??= measure(crypto);
  return measured;
}

function measure(crypto: PlaneCrypto): boolean {
  const key = new Uint8Array(32).fill(1);
  const nonce = new Uint8Array(12);
  const packet = new Uint8Array(PACKET);
  const nothing = new Uint8Array(0);
  const sealAndOpen = (): unknown => crypto.open(key, nonce, crypto.seal(key, nonce, packet, nothing), nothing);
  const sealAndOpenAes = (): unknown =>
    crypto.openAes(key, nonce, crypto.sealAes(key, nonce, packet, nothing), nothing);
  const turn = (work: () => unknown): number => {
    const begin = performance.now();
    for (let i = 0; i < PACKETS; i++) work();
    return performance.now() - begin;
  };
  // The shortest turn counts: whatever else the machine does only adds, and the first ones are not compiled yet.
  let aes = Number.POSITIVE_INFINITY;
  let chacha = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TURNS; i++) {
    aes = Math.min(aes, turn(sealAndOpenAes));
    chacha = Math.min(chacha, turn(sealAndOpen));
  }
  return aes < CLEARLY * chacha;
}
