/** The share process reads what strangers send, so it holds no rights beyond those of its user's own files. */
import { existsSync, readFileSync } from 'node:fs';
import { setCapabilities } from '@kith/dataplane';
import { KithError } from '@kith/core';

const SETPRIV = '/usr/bin/setpriv';

/**
 * The command to start it through as root: from its first instruction on it has no capability, and can get none by
 * running another program (no_new_privs).
 */
export function withoutRights(): readonly string[] {
  if (process.geteuid?.() !== 0 || !existsSync(SETPRIV)) return [];
  return [SETPRIV, '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--'];
}

/** Gives up what is left. @throws KithError SHARE_RIGHTS where that fails */
export function giveUpRights(): void {
  if (held() === 0n) return;
  try {
    setCapabilities([]);
  } catch (cause) {
    throw new KithError('SHARE_RIGHTS', `the share process would keep the rights of root: ${String(cause)}`, { cause });
  }
  if (held() !== 0n) throw new KithError('SHARE_RIGHTS', 'the share process would keep the rights of root');
}

/** Capabilities that this process may use (proc(5)). */
function held(): bigint {
  const status = readFileSync('/proc/self/status', 'utf8');
  return BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
}
