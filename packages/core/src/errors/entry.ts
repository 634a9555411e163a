/** What the registry of errors tells about one code. */
export interface ErrorEntry {
  /** One line: what went wrong. */
  readonly meaning: string;
  /** What the person can do about it. */
  readonly advice: string;
  /** Exit code of the command line, see docs/errors.md. */
  readonly exit: number;
}

/** Exit codes of the command line: 1 failure, 2 usage or bad input, 3 state on disk, 4 permission, 5 network, 6 refused. */
export const FAILURE = 1;
export const USAGE = 2;
export const STATE = 3;
export const PERMISSION = 4;
export const NETWORK = 5;
export const REFUSED = 6;
