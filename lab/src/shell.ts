/** How the lab talks to the kernel: one `sh` per change, with everything for a namespace batched inside. */
import { execFile } from 'node:child_process';
import { LabError } from './error.ts';

/** What one namespace should be told: kernel settings first, then the firewall, then links. */
export interface Setup {
  /** Path below /proc/sys/net with dots, for example `ipv4.ip_forward`. */
  readonly sysctls?: Readonly<Record<string, number>>;
  /** Lines for `ip -batch`. */
  readonly ip?: readonly string[];
  /** Lines for `tc -batch`. */
  readonly tc?: readonly string[];
  /** A file for `nft -f`. */
  readonly nft?: string;
}

/** Administration programs live in sbin, which the PATH of an ordinary login does not always hold. */
export function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  return { ...process.env, PATH: `${path}:/usr/local/sbin:/usr/sbin:/sbin`, ...extra };
}

function batch(program: string, lines: readonly string[] | undefined): string[] {
  return lines === undefined || lines.length === 0 ? [] : [`${program} <<'BATCH'`, ...lines, 'BATCH'];
}

/** Shell text that applies a setup inside a namespace; stops at the first failure. */
export function configure(namespace: string, setup: Setup): string {
  return [
    `ip netns exec ${namespace} sh -e <<'CONFIGURE'`,
    ...Object.entries(setup.sysctls ?? {}).map(([key, value]) => {
      const path = `/proc/sys/net/${key.replaceAll('.', '/')}`;
      // Settings of the bridge filter exist only where its module is loaded, and matter only there.
      return `${key.startsWith('bridge.') ? `! test -e ${path} || ` : ''}echo ${value} > ${path}`;
    }),
    ...batch('nft -f -', setup.nft === undefined ? undefined : [setup.nft]),
    ...batch('ip -batch -', setup.ip),
    ...batch('tc -batch -', setup.tc),
    'CONFIGURE',
  ].join('\n');
}

/** Shell text that runs `ip` lines outside of any namespace. */
export function outside(lines: readonly string[]): string {
  return batch('ip -batch -', lines).join('\n');
}

/**
 * Runs shell text to its end, 20 s at most.
 * @param doing what the script is for, for the error: "create host fedora".
 * @throws LabError with what the programs said; its cause is the script.
 */
export async function shell(doing: string, parts: readonly string[]): Promise<string> {
  const script = parts.join('\n');
  return new Promise((resolve, reject) => {
    execFile('sh', ['-ec', script], { env: environment(), timeout: 20_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new LabError(`could not ${doing}: ${stderr.trim() || error.message}`, { cause: script }));
    });
  });
}
