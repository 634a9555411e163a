/**
 * The registry of errors that a person may see: stable code → what it means and what to do. docs/errors.md lists the
 * same codes; a test holds registry, page and throw sites together. A message names the thing, the value and the next
 * step; the registry's `advice` is shown below it.
 */
export interface ErrorEntry {
  /** One line: what went wrong. */
  readonly meaning: string;
  /** What the person can do about it. */
  readonly advice: string;
  /** Exit code of the command line, see docs/errors.md. */
  readonly exit: number;
}

/** Exit codes of the command line: 1 failure, 2 usage or bad input, 3 state on disk, 4 permission, 5 network, 6 refused. */
const FAILURE = 1;
const USAGE = 2;

/** Every code, in the order of docs/errors.md. */
export type ErrorCode = 'KEY_INVALID' | 'ADDRESS_INVALID' | 'NAME_INVALID' | 'CBOR_INVALID';

export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  KEY_INVALID: {
    meaning: 'A key is malformed.',
    advice: 'Copy the key again in full; a key file holds exactly one line.',
    exit: USAGE,
  },
  ADDRESS_INVALID: {
    meaning: 'An address, prefix or endpoint is malformed.',
    advice:
      'Write addresses like 10.0.0.1, prefixes like 10.0.0.0/24, endpoints like 203.0.113.7:6550 or [2001:db8::1]:6550.',
    exit: USAGE,
  },
  NAME_INVALID: {
    meaning: 'A name is no DNS label.',
    advice: 'Use 1 to 63 letters, digits and inner hyphens.',
    exit: USAGE,
  },
  CBOR_INVALID: {
    meaning: 'Bytes are no CBOR in the deterministic form that kith writes.',
    advice: 'The sender is broken or hostile; nothing was taken from the message.',
    exit: FAILURE,
  },
};

/** An error with a code of the registry. `message` is for people; `cause` keeps what was underneath. */
export class KithError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KithError';
    this.code = code;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }
}
