/** fastd on the other side: routers with keys of their own, for tests. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabProcess, Machine } from '@kith/lab';

export interface FastdKey {
  readonly secret: string;
  readonly public: string;
}

/** What is missing on this machine; false when nothing is. */
export function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter(
    (program) =>
      spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${program}`], { stdio: 'ignore' }).status !== 0,
  );
  return absent.length === 0 ? false : `needs ${absent.join(' and ')}`;
}

export function fastdKey(): FastdKey {
  const secret = fastd(['--generate-key', '--machine-readable']);
  return { secret, public: fastd(['--show-key', '--machine-readable', '--config', '-'], `secret "${secret}";\n`) };
}

function fastd(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync('fastd', args, { input, encoding: 'utf8', timeout: 10_000 });
  if (status !== 0) throw new Error(`fastd ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

export interface RouterOptions {
  /** Of the TAP, and of its files. */
  readonly name: string;
  readonly key: FastdKey;
  readonly gateway: { readonly key: string; readonly address: string; readonly port: number };
  /** Where its files are kept. */
  readonly folder: string;
}

/** Starts a router's end. It prints `sending handshake` for each try, and `established` once. */
export function startRouter(machine: Machine, { name, key, gateway, folder }: RouterOptions): Promise<LabProcess> {
  const path = join(folder, `${name}.conf`);
  const lines = [
    'log to stderr level debug;',
    'mode tap;',
    `interface "${name}";`,
    'method "salsa2012+umac";',
    'bind any;',
    'mtu 1312;',
    `secret "${key.secret}";`,
    `peer "gateway" { key "${gateway.key}"; remote "${gateway.address}" port ${gateway.port}; }`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return machine.spawn(['fastd', '--config', path]);
}
