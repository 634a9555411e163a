/**
 * Deterministic CBOR (RFC 8949 section 4.2.1): shortest lengths, sorted keys, no indefinite lengths, no floats, no
 * tags. Decoding refuses every other spelling of the same value, so that hash and signature have one preimage.
 */
import { decode, encode } from 'cborg';
import { equalBytes } from './bytes.ts';
import { KithError } from './errors.ts';

export type Cbor =
  null | boolean | number | bigint | string | Uint8Array | readonly Cbor[] | { readonly [key: string]: Cbor };

/** @throws KithError CBOR_INVALID for a number that is no safe integer: floats have no place in what is signed */
export function encodeCbor(value: Cbor): Uint8Array {
  refuseFloats(value);
  return encode(value, { float64: true });
}

/**
 * @param limit most bytes that are looked at; longer input is refused before any of it is decoded
 * @throws KithError CBOR_INVALID
 */
export function decodeCbor(bytes: Uint8Array, limit: number): Cbor {
  if (bytes.length > limit)
    throw new KithError('CBOR_INVALID', `CBOR of ${bytes.length} bytes is over its limit of ${limit}`);
  let value: Cbor;
  try {
    value = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      rejectDuplicateMapKeys: true,
    }) as Cbor;
  } catch (cause) {
    throw new KithError(
      'CBOR_INVALID',
      `CBOR does not decode: ${cause instanceof Error ? cause.message : 'unknown reason'}`,
      { cause },
    );
  }
  if (!equalBytes(encodeCbor(value), bytes)) {
    throw new KithError('CBOR_INVALID', 'CBOR is not in its deterministic form');
  }
  return value;
}

function refuseFloats(value: Cbor): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new KithError('CBOR_INVALID', `${value} is no integer`);
  } else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    for (const inner of Object.values(value)) refuseFloats(inner);
  }
}
