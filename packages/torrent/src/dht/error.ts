/** Codes of KRPC errors (BEP 5, BEP 44). */
export const ERROR_CODE = {
  generic: 201,
  server: 202,
  protocol: 203,
  unknownMethod: 204,
  tooBig: 205,
  invalidSignature: 206,
  saltTooBig: 207,
  casMismatch: 301,
  sequenceLess: 302,
} as const;

/** A datagram is no message of the DHT, or asks for what cannot be. Never for people: it came from a stranger. */
export class DhtError extends Error {
  readonly code: number;
  /** Of the query that it answers, where one could be read. */
  readonly transaction: Uint8Array | undefined;

  constructor(code: number, message: string, transaction?: Uint8Array) {
    super(message);
    this.name = 'DhtError';
    this.code = code;
    this.transaction = transaction;
  }
}
