/** What every part of kith shares: bytes, keys, addresses, names, CBOR, errors and the crypto interface. Pure. */
export * from './bytes.ts';
export * from './cbor.ts';
export * from './crypto.ts';
export * from './error-code.ts';
export * from './errors.ts';
export * from './ip.ts';
export * from './keys.ts';
export * from './name.ts';
export * from './nearest.ts';
export * from './portable-crypto.ts';
export * from './token-bucket.ts';
