/** What the doctor found, with its cause and what mends it; and how one cause is kept from being told ten times. */
import type { Cause, ItemKey } from '../item.ts';

/**
 * - `error`: something does not work for somebody now
 * - `warning`: something is about to stop, or is not as the file wants it without anybody noticing yet
 * - `notice`: nobody is hurt, and somebody may want to know
 */
export type Severity = 'error' | 'warning' | 'notice';

export interface Finding {
  /** Stable kind: `rule-missing`, `daemon-down`. */
  readonly code: string;
  /** What it is about, unique below the code: `clients/dns-tcp`, `dnsmasq`, a domain. */
  readonly subject: string;
  readonly severity: Severity;
  /** What fails: `names over TCP are denied`. */
  readonly fails: string;
  /** For whom: `clients of "dublin"`. */
  readonly whom: string;
  readonly cause: string;
  readonly mend: Mend;
  /** What kith may do by itself; null where a person has to. */
  readonly fix: Fix | null;
}

export interface Mend {
  readonly text: string;
  /** For a shell; null where a command does not mend it. */
  readonly command: string | null;
  /** The line of the file that has to do with it. */
  readonly place: Cause | null;
}

/**
 * What is safe to do without asking: nothing of it takes away what works. `apply` brings items to what the file wants,
 * `restart` starts a daemon anew.
 */
export type Fix =
  | { readonly type: 'apply'; readonly items: readonly ItemKey[] }
  | { readonly type: 'restart'; readonly daemon: string };

/** Bring a thing to what the file wants. */
export function reapply(
  item: ItemKey,
  place: Cause | null,
  text: string = 'apply the file again',
): Pick<Finding, 'mend' | 'fix'> {
  return { mend: { text, command: 'kith gateway apply', place }, fix: { type: 'apply', items: [item] } };
}

export function byHand(
  text: string,
  command: string | null = null,
  place: Cause | null = null,
): Pick<Finding, 'mend' | 'fix'> {
  return { mend: { text, command, place }, fix: null };
}

/**
 * Causes from the deepest to the shallowest, and what each of them accounts for. Signs are `what subject`, as in
 * `sign lease dublin`; items stand there by their key. What a cause accounts for is not told again.
 */
export class Diagnosis {
  readonly #findings: Finding[] = [];
  readonly #explained: string[] = [];

  /** @param explains signs, item keys and findings (`code subject`) that follow from it; a `*` at the end stands for the rest */
  add(finding: Finding, explains: readonly string[] = []): void {
    if (!this.explains(`${finding.code} ${finding.subject}`)) {
      this.#findings.push(finding);
    }
    this.account(explains);
  }

  /** What nobody need be told about. */
  account(explains: readonly string[]): void {
    this.#explained.push(...explains);
  }

  explains(sign: string): boolean {
    return this.#explained.some((each) => (each.endsWith('*') ? sign.startsWith(each.slice(0, -1)) : sign === each));
  }

  /** The worst first, otherwise in the order in which they were found. */
  get findings(): Finding[] {
    const order: readonly Severity[] = ['error', 'warning', 'notice'];
    return order.flatMap((severity) => this.#findings.filter((each) => each.severity === severity));
  }
}

/** What a client missed, for which a cause is looked for. */
export interface Sign {
  /** `dns-tcp4`, `lease`, `beyond6`: see {@link Diagnosis}. */
  readonly what: string;
  readonly domain: string;
  readonly fails: string;
  /** What was seen, for a person. */
  readonly seen: string;
}

/** As {@link Diagnosis} knows it. */
export function signKey({ what, domain }: Sign): string {
  return `sign ${what} ${domain}`;
}
