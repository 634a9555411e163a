/**
 * Debian's user-mode Linux: a kernel that is an ordinary process, with batman-adv, which the kernel underneath may lack. Its
 * root is the host's, read-only, so that no image is needed and programs, Node and this checkout are there; /run is its
 * own. Nothing of it outlives the call.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface GuestOptions {
  /** Milliseconds until the machine is switched off. */
  readonly deadline: number;
  /** MiB that the guest may use; it takes them as it touches them. */
  readonly memory?: number;
  /** Handed to the command. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface GuestRun {
  /** Exit code of the command; null when it did not come to its end. */
  readonly code: number | null;
  /** What kernel and command wrote, the end of it. */
  readonly console: string;
  /** What the command wrote into the file that `KITH_OUTPUT` names; empty where it wrote none. */
  readonly output: string;
}

/** What it takes besides root; names of programs. */
const NEEDED = ['linux.uml', 'modprobe', 'unshare'];

const INIT = fileURLToPath(new URL('init.sh', import.meta.url));
/** Characters of the console that are kept. */
const KEPT = 64 * 1024;

/** Why no machine can be started here; null when one can. */
export function obstacle(): string | null {
  if (process.getuid?.() !== 0) return 'needs root';
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const missing = NEEDED.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return missing.length === 0 ? null : `needs ${missing.join(' and ')}`;
}

/** Boots a machine, runs one command in it as root, and switches it off. */
export async function runInGuest(argv: readonly string[], options: GuestOptions): Promise<GuestRun> {
  const folder = mkdtempSync(join(tmpdir(), 'kith-uml-'));
  try {
    const env = { ...options.env, KITH_OUTPUT: '/run/shared/output' };
    const lines = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`);
    writeFileSync(join(folder, 'command'), `${lines.join('\n')}\nexec ${argv.map(quoted).join(' ')}\n`);
    const console = await boot(folder, options);
    const code = read(join(folder, 'code')).trim();
    return { code: code === '' ? null : Number(code), console, output: read(join(folder, 'output')) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function boot(folder: string, { deadline, memory = 512 }: GuestOptions): Promise<string> {
  const kernel = [
    'linux.uml',
    `mem=${memory}M`,
    'rootfstype=hostfs',
    'ro',
    `init=${INIT}`,
    `uml_dir=${folder}/`,
    'umid=guest',
    `KITH_SHARED=${folder}`,
    'con=null',
    'con0=null,fd:1',
    'quiet',
  ];
  return new Promise((resolve, reject) => {
    // Guest processes are processes here: in a namespace of process ids they all end with the first of them.
    const child = spawn('unshare', ['--pid', '--fork', '--kill-child', '--', ...kernel], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: folder, TMPDIR: roomFor(memory) ?? folder },
    });
    let console = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => (console = (console + data.toString()).slice(-KEPT)));
    }
    const timer = setTimeout(() => {
      console += `\nswitched off after ${deadline / 1000} s\n`;
      child.kill('SIGKILL');
    }, deadline);
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(console);
    });
  });
}

/** The guest's memory is a file. Where there is no room for it in memory it lies on the disk. */
function roomFor(memory: number): string | null {
  if (!existsSync('/dev/shm')) return null;
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize > memory * 2 ** 20 ? '/dev/shm' : null;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
