/** Lines of logs that tell of a failed login, as data: a service is added by a line here, or by its operator. */
import { type Address, parseAddress } from '@kith/core';

export interface LoginPattern {
  /** As systemd's journal calls it (SYSLOG_IDENTIFIER). */
  readonly service: string;
  /** Anchored at both ends, so that what a stranger types as a name cannot look like the rest of a line. */
  readonly pattern: RegExp;
}

/** OpenSSH 7 to 10, and what kith's own services log. `address` is whom it is counted for. */
export const LOGIN_PATTERNS: readonly LoginPattern[] = [
  {
    service: 'sshd',
    pattern:
      /^Failed (?:password|publickey|keyboard-interactive\/pam|none) for (?:invalid user )?.{0,256} from (?<address>[0-9a-fA-F.:]{2,45}) port \d{1,5}(?: ssh2)?(?:: .{0,256})?$/,
  },
  { service: 'sshd', pattern: /^Invalid user .{0,256} from (?<address>[0-9a-fA-F.:]{2,45})(?: port \d{1,5})?$/ },
  {
    service: 'sshd',
    pattern:
      /^(?:error: )?maximum authentication attempts exceeded for .{0,256} from (?<address>[0-9a-fA-F.:]{2,45}) port \d{1,5}(?: ssh2)?(?: \[preauth\])?$/,
  },
  { service: 'kith', pattern: /^login refused for (?<address>[0-9a-fA-F.:]{2,45})$/ },
];

const LONGEST_LINE = 1024;

/** Whose failed login a line tells of; null for every other line. */
export function failedLogin(
  service: string,
  line: string,
  patterns: readonly LoginPattern[] = LOGIN_PATTERNS,
): Address | null {
  if (line.length > LONGEST_LINE) return null;
  // OpenSSH 9.8 split the part that talks to clients off, under a name of its own.
  const name = service === 'sshd-session' ? 'sshd' : service;
  for (const each of patterns) {
    if (each.service !== name) continue;
    const text = each.pattern.exec(line)?.groups?.['address'];
    if (text === undefined) continue;
    try {
      return parseAddress(text);
    } catch {
      return null;
    }
  }
  return null;
}
