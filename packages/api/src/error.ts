import type { ErrorCode } from '@kith/core';

/** An error on the wire and in `--json` output. */
export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly advice: string };
}
