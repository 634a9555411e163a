/**
 * Builds the native data plane for the machines that kith brings it for, into packages/dataplane/prebuilds:
 *
 *   npm run prebuild [-- linux-x64 | linux-arm64 | linux-arm …]     all three unless some are named
 *   npm run prebuild -- --check [TARGET …]     looks at what was built, and runs the addon's tests with it
 *
 * The check reads from each file what it needs of a machine, and runs it with a Node for that machine: in an emulator
 * where this machine is another one. It says what it left out; under CI=true that fails too.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, lackingFor, PACKAGE, PREBUILDS } from './prebuild/build.ts';
import { faults } from './prebuild/elf.ts';
import { runTests } from './prebuild/run.ts';
import { stage } from './prebuild/stage.ts';
import { type Target, TARGETS } from './prebuild/targets.ts';
import { hashOfSources } from './native-sources.mjs';

interface Options {
  readonly check: boolean;
  readonly targets: readonly Target[];
}

const { check, targets } = parseArguments(process.argv.slice(2));
const sources = hashOfSources(PACKAGE);
try {
  if (check) checkAll();
  else buildAll();
} catch (error) {
  process.stderr.write(`prebuild: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function parseArguments(args: readonly string[]): Options {
  const names = args.filter((arg) => arg !== '--check');
  const known = TARGETS.map(({ folder }) => folder);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    process.stderr.write(`prebuild: unknown "${unknown}": there are ${known.join(', ')} and --check\n`);
    process.exit(2);
  }
  return {
    check: names.length < args.length,
    targets: names.length === 0 ? TARGETS : TARGETS.filter(({ folder }) => names.includes(folder)),
  };
}

function buildAll(): void {
  const lacking = lackingFor(targets);
  if (lacking.length > 0) {
    const line = `sudo apt-get install -y --no-install-recommends ${lacking.join(' ')}`;
    throw new Error(`compilers are missing, to install them:\n\n  ${line}\n`);
  }
  for (const target of targets) {
    build(target);
    const found = faults(fileOf(target), target);
    if (found.length > 0) throw new Error(`${target.folder}: built, but it ${found.join('; ')}`);
    writeFileSync(recordOf(target), `${sources}\n`);
    say(`${target.folder}: built ${target.file}`);
  }
}

function checkAll(): void {
  for (const target of targets) assertBuilt(target);
  const leftOut = [
    'a TUN device, real hardware, speed: `npm run test:net` and `npm run bench:mesh` on the machine itself',
  ];
  const folder = stage();
  try {
    for (const target of targets) {
      const found = faults(fileOf(target), target);
      if (found.length > 0) throw new Error(`${target.folder}: it ${found.join('; ')}`);
      const run = runTests(target, folder);
      if (run.leftOut !== null) leftOut.push(`running ${target.folder}: ${run.leftOut}`);
      say(
        `${target.folder}: needs no more than Node does${run.leftOut === null ? `; ${run.passed} tests pass ${run.where}` : ''}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const what of leftOut) say(`left out: ${what}`);
  if (process.env['CI'] === 'true' && leftOut.length > 1) process.exitCode = 1;
}

function assertBuilt(target: Target): void {
  if (!existsSync(fileOf(target))) throw new Error(`${target.folder}: not built: npm run prebuild`);
  if (!existsSync(recordOf(target)) || readFileSync(recordOf(target), 'utf8').trim() !== sources) {
    throw new Error(`${target.folder}: built from other sources than these: npm run prebuild`);
  }
}

function fileOf({ folder, file }: Target): string {
  return join(PREBUILDS, folder, file);
}

/** Says from which sources the file beside it was built; setup compiles where that is not these. */
function recordOf({ folder }: Target): string {
  return join(PREBUILDS, folder, 'sources.sha256');
}

function say(line: string): void {
  process.stdout.write(`prebuild: ${line}\n`);
}
