/** What came through an interface between two looks at its counters. */

export interface Counters {
  /** Bytes since the interface was made. */
  readonly received: number;
  readonly sent: number;
}

/** As it was seen last, and in which boot of the machine. */
export interface Seen extends Counters {
  readonly boot: string;
}

/**
 * Counters begin anew with the interface and with the machine. One that is smaller than before tells of that, and then
 * what it shows now came since. An interface that is seen for the first time has a past that is nobody's business.
 */
export function growth(before: Seen | null, now: Seen): Counters {
  if (before === null) return { received: 0, sent: 0 };
  const { received, sent } = now;
  const anew = before.boot !== now.boot || received < before.received || sent < before.sent;
  return anew ? { received, sent } : { received: received - before.received, sent: sent - before.sent };
}
