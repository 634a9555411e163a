/** What keeps the gateway's daemons running, as the rest of kith sees it: in its own process, or over a socket. */
import type { DaemonValue } from '@kith/gateway';

/** `starting`: runs, its probe has not answered yet. `failing`: ended or silent, will be started again. */
export type DaemonState = 'starting' | 'ready' | 'failing' | 'stopping';

export interface DaemonReport {
  readonly name: string;
  readonly value: DaemonValue;
  readonly state: DaemonState;
  /** Null while none runs. */
  readonly pid: number | null;
  /** Since when it is in this state, ms since 1970. */
  readonly since: number;
  /** How often it was started again because it ended or fell silent. */
  readonly restarts: number;
  /** The last lines of its log, without control characters. */
  readonly lastWords: readonly string[];
}

export interface Daemons {
  list(): Promise<readonly DaemonReport[]>;
  /**
   * Starts a daemon. One that runs with another value is replaced, one with the same value only where it fails or `again`
   * is given. Resolves when its probe answers; a start that fails leaves nothing running.
   *
   * @throws KithError DAEMON_NOT_READY with its last words, HOST_PROGRAM_MISSING
   */
  start(name: string, value: DaemonValue, again?: boolean): Promise<void>;
  /** Ends it and waits until it is gone; a name that is not there is fine. */
  stop(name: string): Promise<void>;
}
