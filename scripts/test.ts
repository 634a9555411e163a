/**
 * Runs the tests with Node's own runner and one report:
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
 *
 * Files of all layers that compute run beside those that wait; those that hold deadlines follow, and then those that measure.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { spec as SpecReporter } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

type Layer = 'unit' | 'sim' | 'net' | 'interop' | 'web';

/** What most of a file's time goes into. */
type Kind = 'computes' | 'waits' | 'browses' | 'answers' | 'measures';

interface Options {
  readonly layers: Layer[];
  readonly patterns: string[];
  readonly name: RegExp | undefined;
  readonly noRootOk: boolean;
}

const root = fileURLToPath(new URL('..', import.meta.url));

/** No layer's files take longer, whatever hangs in them (ms). */
const LONGEST = 15 * 60_000;

/** How long a test may take (ms). */
const LAYERS: Readonly<Record<Layer, { timeout: number; needsRoot: boolean }>> = {
  unit: { timeout: 120_000, needsRoot: false },
  sim: { timeout: 600_000, needsRoot: false },
  net: { timeout: 300_000, needsRoot: true },
  interop: { timeout: 300_000, needsRoot: true },
  web: { timeout: 300_000, needsRoot: true },
};

/** How paths of files of a kind begin. The first that fits counts; what nothing fits computes. */
const KINDS: readonly (readonly [Kind, readonly string[]])[] = [
  // They load links, measure times, or look at what comes of a machine that has time.
  [
    'measures',
    [
      'lab/test/link',
      'packages/dataplane/test/interop/',
      'packages/dataplane/test/net/',
      'packages/kith/test/net/hostile',
      'packages/kith/test/web/crowd',
      'packages/share/test/net/',
      'packages/web/test/web/share-play',
    ],
  ],
  ['browses', ['packages/kith/test/web/', 'packages/web/test/web/']],
  // Who is asked has a few seconds.
  ['answers', ['packages/kith/test/net/', 'packages/share/test/hostile/', 'packages/share/test/webrtc/']],
  // For clocks of other programs, most of the time.
  [
    'waits',
    [
      'lab/test/',
      'packages/gateway/test/net/',
      'packages/host/test/interop/doctor-',
      'packages/host/test/interop/fastd',
      'packages/host/test/interop/supervised',
      'packages/host/test/net/',
      'packages/kith/test/interop/lan',
      'packages/kith/test/interop/television',
      'packages/share/test/interop/dht',
      'packages/share/test/interop/tracker',
      'packages/share/test/interop/wire',
      'packages/wireguard/test/interop/',
    ],
  ],
];

/** How many files run at once, of kinds that run side by side. */
const TURNS: readonly (readonly (readonly [Kind, number])[])[] = [
  [
    ['computes', 2],
    ['waits', 3],
  ],
  [
    ['browses', 1],
    ['answers', 2],
  ],
  [['measures', 1]],
];

/** The longest: begun last, they would keep their kind from its end. */
const FIRST = [
  'packages/wireguard/test/interop/',
  'packages/host/test/interop/doctor-',
  'packages/share/test/interop/dht',
  'packages/share/test/interop/clients',
  'packages/host/test/interop/apply-killed',
  'packages/kith/test/interop/lan',
  'packages/share/test/webrtc/s',
  'packages/dataplane/test/harness',
  'packages/mesh/test/sim/crowd',
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

const named = [...FIRST, ...KINDS.flatMap(([, beginnings]) => beginnings)];
const gone = patterns.length > 0 || layers.length < 5 ? [] : named.filter((beginning) => !isBeginning(beginning));
if (gone.length > 0) {
  process.stderr.write(`scripts/test.ts names files that are not there: ${gone.join(', ')}\n`);
  process.exit(2);
}

const report = new SpecReporter();
report.pipe(process.stdout);
const totals = new Map<string, number>();
/** How many tests and suites were skipped, by reason. */
const reasons = new Map<string, number>();
/** Files whose report did not come to its end. */
const cutOff: string[] = [];
let failed = false;
if (chosen.includes('web')) buildPages();
for (const turn of TURNS) await runSideBySide(turn);
tellSkipped();
for (const [key, value] of totals) {
  report.write({ type: 'test:diagnostic', data: { nesting: 0, level: 'info', message: `${key} ${value}` } });
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
  for (const list of Object.values(found)) list.sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1));
  return found;
}

function rankOf(path: string): number {
  const first = FIRST.findIndex((beginning) => path.startsWith(beginning));
  return first === -1 ? FIRST.length : first;
}

function isBeginning(of: string): boolean {
  return Object.values(files).some((paths) => paths.some((path) => path.startsWith(of)));
}

function kindOf(path: string): Kind {
  return KINDS.find(([, beginnings]) => beginnings.some((beginning) => path.startsWith(beginning)))?.[0] ?? 'computes';
}

/** By the first folder below test/; what stands in test/ itself or in a folder of another name is a unit test, or the lab's. */
function layerOf(folder: string, entry: string): Layer {
  const first = entry.split('/')[0] ?? '';
  if (isLayer(first)) return first;
  return folder === 'lab/test' ? 'net' : 'unit';
}

/** The first kind is shown while it runs; what others tell follows, so that nobody has to read two at once. */
async function runSideBySide(turn: readonly (readonly [Kind, number])[]): Promise<void> {
  const told: TestEvent[][] = turn.map(() => []);
  let shown: Kind | undefined;
  await Promise.all(
    turn.map(async ([kind, atOnce], index) => {
      for (const layer of chosen) {
        const paths = files[layer].filter((path) => kindOf(path) === kind);
        if (paths.length === 0) continue;
        shown ??= kind;
        const tell = shown === kind ? show : (event: TestEvent): void => void told[index]?.push(event);
        const heading = `\n${layer}, what ${kind}: ${paths.length} files\n`;
        tell({ type: 'test:stdout', data: { file: '', message: heading } });
        await runFiles(layer, paths, atOnce, tell);
      }
    }),
  );
  told.flat().forEach(show);
}

function show(event: TestEvent): void {
  report.write(event);
}

async function runFiles(
  layer: Layer,
  paths: readonly string[],
  concurrency: number,
  tell: (event: TestEvent) => void,
): Promise<void> {
  const { timeout } = LAYERS[layer];
  const unfinished = new Set(paths.map((path) => join(root, path)));
  const events = run({
    files: paths.map((path) => join(root, path)),
    cwd: root,
    concurrency,
    timeout,
    // Forced exit: a test that ran into its timeout leaves timers and sockets behind, which would keep its process alive.
    execArgv: ['--conditions=source', '--test-force-exit', '--import', join(root, 'scripts/report-whole.ts')],
    signal: AbortSignal.timeout(LONGEST),
    ...(name === undefined ? {} : { testNamePatterns: [name] }),
  });
  // Tests have limits of their own; a process that hangs while it ends, for whatever reason, has none.
  const silence = timeout + 30_000;
  const watchdog = setInterval(() => endHanging(paths, silence), silence);
  for await (const event of events) {
    watchdog.refresh();
    if (event.type === 'test:fail') failed = true;
    if (event.type === 'test:pass') noteSkip(event.data.skip);
    if (event.type === 'test:summary') {
      if (event.data.file !== undefined) unfinished.delete(event.data.file);
      else if (!event.data.success) failed = true;
      continue;
    }
    if (!addToTotals(event)) tell(event);
  }
  clearInterval(watchdog);
  for (const file of unfinished) cutOff.push(relative(root, file));
}

/** Ends the processes of these test files, from which nothing was heard for `silence` ms: the runner tells them as failed. */
function endHanging(paths: readonly string[], silence: number): void {
  for (const entry of existsSync('/proc') ? readdirSync('/proc') : []) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'))?.[1];
      const file = readFileSync(`/proc/${entry}/cmdline`, 'utf8')
        .split('\0')
        .find((word) => paths.some((path) => word.endsWith(path)));
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
  // Of lanes that run side by side the time is not the sum.
  totals.set(key, key === 'duration_ms' ? Math.round(performance.now()) : (totals.get(key) ?? 0) + Number(value));
  return true;
}

function noteSkip(skip: string | boolean | undefined): void {
  if (typeof skip === 'string' && skip !== '') reasons.set(skip, (reasons.get(skip) ?? 0) + 1);
}

function tellSkipped(): void {
  for (const [reason, count] of reasons) process.stdout.write(`\nNOT RUN: ${count} tests or suites: ${reason}\n`);
  // By its exit code it fails all the same.
  if (cutOff.length > 0)
    process.stdout.write(`\nNOT TOLD: the last tests of ${cutOff.length} files: ${cutOff.join(' ')}\n`);
  if (skipped.length === 0) return;
  const count = skipped.reduce((sum, layer) => sum + files[layer].length, 0);
  process.stdout.write(`\nNOT RUN: ${skipped.join(' and ')} (${count} files) need root: sudo npm test\n\n`);
  if (!noRootOk) failed = true;
}
