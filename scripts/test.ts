/**
 * Runs the tests, layer by layer, with Node's own runner and one report:
 *
 *   node scripts/test.ts [layer …] [pattern …] [--name=<regular expression>] [--no-root-ok]
 *
 *   unit      vectors, conformance, properties, rules of the house          packages/<name>/test, test
 *   sim       the simulated network: virtual clock and seed                 packages/<name>/test/sim
 *   net       real Linux network namespaces (root)                          packages/<name>/test/net, lab/test
 *   interop   programs that nobody here wrote (root)                        packages/<name>/test/interop, lab/test/interop
 *   web       the pages in a real Chromium, some in a real Firefox (root)   packages/<name>/test/web
 *
 * Without a layer all of them run. A pattern is a part of a file's path. Layers that need root fail the run when there
 * is no root, unless --no-root-ok is given: a green run must mean that everything ran.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { spec as SpecReporter } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

type Layer = 'unit' | 'sim' | 'net' | 'interop' | 'web';

interface Options {
  readonly layers: Layer[];
  readonly patterns: string[];
  readonly name: RegExp | undefined;
  readonly noRootOk: boolean;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** No layer takes longer, whatever hangs in it (ms). */
const LONGEST = 15 * 60_000;

/** Files of the layer `net` load links and measure RTTs: they run one at a time. Those of `interop` mostly wait for other programs. */
const LAYERS: Readonly<Record<Layer, { concurrency: number; timeout: number; needsRoot: boolean }>> = {
  unit: { concurrency: 2, timeout: 120_000, needsRoot: false },
  sim: { concurrency: 2, timeout: 600_000, needsRoot: false },
  net: { concurrency: 1, timeout: 300_000, needsRoot: true },
  interop: { concurrency: 4, timeout: 300_000, needsRoot: true },
  web: { concurrency: 1, timeout: 300_000, needsRoot: true },
};

/** They wait minutes for clocks of other programs: begun last, they would keep a layer from its end. */
const FIRST = [
  'packages/wireguard/test/interop/',
  'packages/share/test/interop/dht',
  'packages/share/test/interop/clients',
];

const { layers, patterns, name, noRootOk } = parseArguments(process.argv.slice(2));
const files = collect();
const isRoot = process.getuid?.() === 0;
const skipped = layers.filter((layer) => LAYERS[layer].needsRoot && !isRoot && files[layer].length > 0);
const chosen = layers.filter((layer) => !skipped.includes(layer) && files[layer].length > 0);

if (patterns.length > 0 && chosen.length + skipped.length === 0) {
  process.stderr.write(`no test file's path contains ${patterns.map((pattern) => `"${pattern}"`).join(' or ')}\n`);
  process.exit(2);
}

const report = new SpecReporter();
report.pipe(process.stdout);
const totals = new Map<string, number>();
/** How many tests and suites were skipped, by reason. */
const reasons = new Map<string, number>();
let failed = false;
for (const layer of chosen) {
  process.stdout.write(`\n${layer}: ${files[layer].length} files\n`);
  if (layer === 'web') buildPages();
  await runLayer(layer);
}
tellSkipped();
for (const [key, value] of totals) {
  const message = key === 'duration_ms' ? `${key} ${Math.round(value)}` : `${key} ${value}`;
  report.write({ type: 'test:diagnostic', data: { nesting: 0, level: 'info', message } });
}
report.end();
if (failed) process.exitCode = 1;

/** What a browser gets has to be built before it can be tried. */
function buildPages(): void {
  execFileSync('npm', ['run', '--silent', '--workspace', '@kith/web', 'build'], { cwd: root, stdio: 'inherit' });
}

function parseArguments(args: readonly string[]): Options {
  const layers: Layer[] = [];
  const patterns: string[] = [];
  let name: RegExp | undefined;
  let noRootOk = false;
  for (const arg of args) {
    if (isLayer(arg)) layers.push(arg);
    else if (arg === '--no-root-ok') noRootOk = true;
    else if (arg.startsWith('--name=')) name = new RegExp(arg.slice('--name='.length));
    else if (arg.startsWith('-')) {
      process.stderr.write(`unknown option ${arg}: there are --name=<regular expression> and --no-root-ok\n`);
      process.exit(2);
    } else patterns.push(arg);
  }
  return { layers: layers.length === 0 ? Object.keys(LAYERS).filter(isLayer) : layers, patterns, name, noRootOk };
}

function isLayer(word: string): word is Layer {
  return Object.hasOwn(LAYERS, word);
}

function collect(): Record<Layer, string[]> {
  const found: Record<Layer, string[]> = { unit: [], sim: [], net: [], interop: [], web: [] };
  const folders = readdirSync(join(root, 'packages')).map((entry) => `packages/${entry}/test`);
  for (const folder of ['test', 'lab/test', 'bench/test', ...folders]) {
    if (!existsSync(join(root, folder))) continue;
    for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const path = `${folder}/${entry}`;
      if (!path.endsWith('.test.ts')) continue;
      if (patterns.length > 0 && !patterns.some((pattern) => path.includes(pattern))) continue;
      found[layerOf(folder, entry)].push(path);
    }
  }
  const isFirst = (path: string): boolean => FIRST.some((each) => path.startsWith(each));
  for (const list of Object.values(found)) {
    list.sort((a, b) => Number(isFirst(b)) - Number(isFirst(a)) || (a < b ? -1 : 1));
  }
  return found;
}

/** By the first folder below test/; what stands in test/ itself or in a folder of another name is a unit test, or the lab's. */
function layerOf(folder: string, entry: string): Layer {
  const first = entry.split('/')[0] ?? '';
  if (isLayer(first)) return first;
  return folder === 'lab/test' ? 'net' : 'unit';
}

async function runLayer(layer: Layer): Promise<void> {
  const { concurrency, timeout } = LAYERS[layer];
  const events = run({
    files: files[layer].map((path) => join(root, path)),
    cwd: root,
    concurrency,
    timeout,
    // Forced exit: a test that ran into its timeout leaves timers and sockets behind, which would keep its process alive.
    execArgv: ['--conditions=source', '--test-force-exit'],
    signal: AbortSignal.timeout(LONGEST),
    ...(name === undefined ? {} : { testNamePatterns: [name] }),
  });
  // Tests have limits of their own; a process that hangs while it ends, for whatever reason, has none.
  const silence = timeout + 30_000;
  const watchdog = setInterval(() => endHanging(silence), silence);
  for await (const event of events) {
    watchdog.refresh();
    if (event.type === 'test:fail') failed = true;
    if (event.type === 'test:pass') noteSkip(event.data.skip);
    if (event.type === 'test:summary') {
      if (event.data.file === undefined && !event.data.success) failed = true;
      continue;
    }
    if (!addToTotals(event)) report.write(event);
  }
  clearInterval(watchdog);
}

/** Ends the processes of test files, from which nothing was heard for `silence` ms: the runner tells them as failed. */
function endHanging(silence: number): void {
  for (const entry of existsSync('/proc') ? readdirSync('/proc') : []) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'))?.[1];
      const file = readFileSync(`/proc/${entry}/cmdline`, 'utf8')
        .split('\0')
        .find((word) => word.endsWith('.test.ts'));
      if (Number(parent) !== process.pid || file === undefined) continue;
      process.stdout.write(`ended ${file}: nothing was heard of it for ${silence / 1000} s\n`);
      process.kill(Number(entry), 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

/** Takes the closing counts of one layer ("tests 12", "pass 12", …) out of the stream. */
function addToTotals({ type, data }: TestEvent): boolean {
  if (type !== 'test:diagnostic' || data.nesting !== 0 || data.file !== undefined) return false;
  const match = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/.exec(data.message);
  if (match === null) return false;
  const [, key = '', value] = match;
  totals.set(key, (totals.get(key) ?? 0) + Number(value));
  return true;
}

function noteSkip(skip: string | boolean | undefined): void {
  if (typeof skip === 'string' && skip !== '') reasons.set(skip, (reasons.get(skip) ?? 0) + 1);
}

function tellSkipped(): void {
  for (const [reason, count] of reasons) process.stdout.write(`\nNOT RUN: ${count} tests or suites: ${reason}\n`);
  if (skipped.length === 0) return;
  const count = skipped.reduce((sum, layer) => sum + files[layer].length, 0);
  process.stdout.write(`\nNOT RUN: ${skipped.join(' and ')} (${count} files) need root: sudo npm test\n\n`);
  if (!noRootOk) failed = true;
}
