/** The addon's tests with a prebuilt addon and a Node for its machine, emulated where this machine is another one. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { has, must } from './programs.ts';
import type { Target } from './targets.ts';

/** Contract, offloads, threads and sockets on loopback. None of them needs rights or a device. */
const SUITES = ['native.test.ts', 'native-plane.test.ts', 'offload.test.ts', 'node-plane.test.ts'];
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kith-prebuild', import.meta.url));
/** For one suite, in ms; emulated they take ten seconds. */
const LONGEST = 300_000;

export type Outcome =
  { readonly leftOut: null; readonly passed: number; readonly where: string } | { readonly leftOut: string };

/** @throws Error with what failed */
export function runTests(target: Target, folder: string): Outcome {
  const here = target.arch === process.arch;
  const root = `/usr/${target.triple}`;
  if (!here && !has(target.emulator)) {
    return { leftOut: `${target.emulator} is missing: sudo apt-get install -y --no-install-recommends qemu-user` };
  }
  if (!here && !existsSync(join(root, 'lib'))) {
    return { leftOut: `no libraries in ${root}: sudo apt-get install -y --no-install-recommends ${target.compiler}` };
  }
  const [program, ...before] = here ? [process.execPath] : [target.emulator, '-L', root, nodeFor(target)];
  const version = must(program, [...before, '--version']).trim();
  let passed = 0;
  for (const suite of SUITES) {
    const done = spawnSync(
      program,
      [...before, '--conditions=source', '--import', join(folder, 'hook.mjs'), join('test', suite)],
      {
        cwd: join(folder, 'packages', 'dataplane'),
        encoding: 'utf8',
        timeout: LONGEST,
        maxBuffer: 64 * 1024 * 1024,
        // Without NODE_TEST_CONTEXT and its like, which would have the inner tests speak to the outer ones.
        env: { PATH: process.env['PATH'], KITH_PLANE: 'native' },
      },
    );
    const count = (what: string): number => Number(new RegExp(`^(?:#|ℹ) ${what} (\\d+)$`, 'm').exec(done.stdout)?.[1]);
    if (done.status !== 0 || !(count('pass') > 0) || count('fail') !== 0 || count('skipped') !== 0) {
      const output = `${done.stdout}${done.stderr}`.split('\n').filter((line) => !/^\s*(ok|✔)/.test(line));
      throw new Error(`${target.folder}: ${suite} fails with Node ${version}:\n${output.slice(0, 80).join('\n')}`);
    }
    passed += count('pass');
  }
  return { leftOut: null, passed, where: `with Node ${version} ${here ? 'on this machine' : `in ${target.emulator}`}` };
}

/** A Node for the target from npm, kept for the next time. */
function nodeFor({ node }: Target): string {
  const folder = join(CACHE, `${node.name}-${node.version}`);
  const program = join(folder, 'node_modules', node.name, 'bin', 'node');
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const flags = ['--no-save', '--force', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  must('npm', ['install', '--prefix', folder, ...flags, `${node.name}@${node.version}`]);
  return program;
}
