/** What can be found wrong with a plan without changing the host: the programs are asked what they think of it. */
import { lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { KithError } from '@kith/core';
import type { Desired, Plan } from '@kith/gateway';
import { run } from '../command.ts';

/** How a program is asked whether it takes a file. */
const CHECKS: Readonly<Record<string, (path: string) => string[]>> = {
  dnsmasq: (path) => ['dnsmasq', '--test', `--conf-file=${path}`],
  chronyd: (path) => ['chronyd', '-p', '-f', path],
  fastd: (path) => ['fastd', '--verify-config', '--config', path],
};

const STAGED = 'staged-';

/**
 * @param state folder in which copies of the files are laid for the programs
 * @param tell told what is looked at
 * @throws KithError GATEWAY_CHECK_FAILED with what the program said
 */
export async function check(plan: Plan, desired: Desired, state: string, tell: (what: string) => void): Promise<void> {
  checkInterfaces(plan);
  for (const { after } of plan.changes) {
    const text = after?.kind === 'table' ? plan.rulesets[after.value.digest] : undefined;
    if (after?.kind !== 'table' || text === undefined) continue;
    tell(`nft: table ${after.name}`);
    await accepted(['nft', '-c', '-f', '-'], `the rules of the table "${after.name}"`, text);
  }
  const folder = mkdtempSync(join(state, STAGED));
  try {
    await checkFiles(plan, desired, folder, tell);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Interfaces of the machine's own can be taken into a bridge, but not made. */
function checkInterfaces({ changes }: Plan): void {
  for (const { operation, after } of changes) {
    if (operation !== 'add' || after?.kind !== 'link' || after.value.type !== 'adopted') continue;
    throw new KithError('GATEWAY_CHECK_FAILED', `there is no interface "${after.name}" on this machine`);
  }
  for (const { before, after } of changes) {
    if (before?.kind !== 'link' || before.value.type !== 'adopted') continue;
    if (after?.kind !== 'link' || after.value.type === 'adopted') continue;
    throw new KithError(
      'GATEWAY_IN_THE_WAY',
      `there is an interface "${before.name}" already that is no ${after.value.type}: give it another name, or the domain another code`,
    );
  }
}

async function checkFiles(
  { changes }: Plan,
  { wanted }: Desired,
  folder: string,
  tell: (what: string) => void,
): Promise<void> {
  const stage = (path: string): string => join(folder, path.replaceAll('/', '_'));
  const missing = wanted.filter(({ item }) => item.kind === 'directory' && !exists(item.name));
  // The longest first: one of them may lie in another.
  const folders = missing.map(({ item }) => item.name).toSorted((a, b) => b.length - a.length);
  for (const path of folders) mkdirSync(stage(path));
  for (const { after } of changes) {
    if (after?.kind !== 'file') continue;
    const daemon = wanted.find(({ item }) => item.kind === 'daemon' && after.name in item.value.reads)?.item;
    const asking = daemon?.kind === 'daemon' ? CHECKS[basename(daemon.value.argv[0] ?? '')] : undefined;
    if (asking === undefined) continue;
    const path = stage(after.name);
    // A folder that is to come is looked for where it is staged.
    const content = folders.reduce((text, each) => text.replaceAll(each, stage(each)), after.value.content);
    writeFileSync(path, content, { mode: 0o600 });
    const argv = asking(path);
    tell(`${argv[0] ?? ''}: ${after.name}`);
    await accepted(argv, after.name);
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** @param what is given to the program, for people */
async function accepted(argv: readonly string[], what: string, input: string = ''): Promise<void> {
  const { code, stdout, stderr } = await run(argv, { input });
  if (code === 0) return;
  const said = (stderr.trim() || stdout.trim()).slice(0, 2000);
  throw new KithError('GATEWAY_CHECK_FAILED', `${argv[0] ?? ''} refuses ${what}: ${said}`);
}
