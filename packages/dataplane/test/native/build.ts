/** Builds native code for tests, and the harness: the native plane without Node around it, driven by C++. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
/** Files of the addon that speak with Node; the harness links all others. */
const OF_NODE = /^#include "(napi_util|args|plane)\.h"$/m;
const FLAGS = ['-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-fno-exceptions', '-fno-rtti'];
/** Calls that `faults.cc` can make fail. */
const WRAPPED = ['sendmmsg', 'writev', 'read'];

/** Folder of Node's header files, with OpenSSL's among them. */
export const headers: string | undefined = [dirname(dirname(process.execPath)), '/usr']
  .map((prefix) => join(prefix, 'include', 'node'))
  .find((folder) => existsSync(join(folder, 'node_api.h')) && existsSync(join(folder, 'openssl', 'evp.h')));

const compiler = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'g++')));
/** What a build lacks here, or null. */
export const lacking: string | null =
  headers === undefined ? "Node's header files are not here" : compiler ? null : 'g++ is not here';

function sourcesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join(folder, name));
}

/** @returns the path of the program; it lies in `folder`, which is made */
export async function buildHarness(folder: string, sanitizers: string): Promise<string> {
  if (lacking !== null) throw new Error(lacking);
  const sanitize = [`-fsanitize=${sanitizers}`, '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];
  const native = join(PACKAGE, 'native');
  const own = join(PACKAGE, 'test', 'native');
  const sources = [...sourcesIn(native).filter((path) => !OF_NODE.test(readFileSync(path, 'utf8'))), ...sourcesIn(own)];
  mkdirSync(folder, { recursive: true });
  const objects = sources.map((_, i) => join(folder, `${i}.o`));
  const queue = sources.map((source, i) => [source, objects[i] as string] as const);
  const compile = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const [source, out] = next;
      await run('g++', [...FLAGS, ...sanitize, `-I${native}`, `-I${headers}`, '-c', source, '-o', out]);
    }
  };
  await Promise.all([compile(), compile()]);
  const program = join(folder, 'harness');
  const wrap = WRAPPED.map((name) => `-Wl,--wrap=${name}`);
  await run('g++', [...sanitize, ...wrap, ...objects, '-l:libcrypto.so.3', '-ldl', '-pthread', '-o', program]);
  return program;
}
