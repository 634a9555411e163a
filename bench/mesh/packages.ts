/** The Debian packages of what is compared with: installed where they are missing and the machine lets us. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

function wanted(): readonly string[] {
  const lists = JSON.parse(
    readFileSync(new URL('../../scripts/debian-packages.json', import.meta.url), 'utf8'),
  ) as Readonly<Record<string, readonly string[]>>;
  return lists['bench'] ?? [];
}

function missing(): string[] {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted()], {
    encoding: 'utf8',
  });
  const lines = new Set((stdout ?? '').split('\n'));
  return wanted().filter((name) => !lines.has(`${name} installed`));
}

/** What is still missing afterwards shows in the report, beside its system. */
export function installPackages(): void {
  const lacking = missing();
  if (lacking.length === 0) return;
  console.log(`installing ${lacking.join(', ')}`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, encoding: 'utf8' } as const;
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  spawnSync('apt-get', [...wait, 'update', '-qq'], options);
  const { status, stderr } = spawnSync(
    'apt-get',
    [...wait, 'install', '-y', '-qq', '--no-install-recommends', ...lacking],
    options,
  );
  if (status !== 0) console.log(`not installed: ${(stderr ?? 'apt-get does not start').trim()}`);
}
