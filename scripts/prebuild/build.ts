/** Builds the addon for one machine with node-gyp and a cross compiler, apart from what is built for this machine. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { has, must } from './programs.ts';
import type { Target } from './targets.ts';

export const PACKAGE: string = fileURLToPath(new URL('../../packages/dataplane', import.meta.url));
export const PREBUILDS: string = join(PACKAGE, 'prebuilds');
const LIBRARIES = fileURLToPath(new URL('libraries.h', import.meta.url));

/** Debian's packages without which these cannot be built. */
export function lackingFor(targets: readonly Target[]): string[] {
  const lacking = targets.filter(({ triple }) => !has(`${triple}-g++`)).map(({ compiler }) => compiler);
  for (const program of ['make', 'python3']) if (!has(program)) lacking.push(program);
  return lacking;
}

/** @throws Error with what the compiler said */
export function build(target: Target): void {
  // The package's own build/ holds the addon for this machine: it must stay.
  const folder = mkdtempSync(join(tmpdir(), 'kith-prebuild-'));
  try {
    for (const name of ['native', 'binding.gyp', 'package.json']) {
      cpSync(join(PACKAGE, name), join(folder, name), { recursive: true });
    }
    const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
    const where = [`--arch=${target.arch}`, `--directory=${folder}`, `--nodedir=${headers()}`];
    must(process.execPath, [gyp, 'configure', 'build', '--jobs=max', ...where], {
      CC: `${target.triple}-gcc`,
      CXX: `${target.triple}-g++`,
      AR: `${target.triple}-ar`,
      LINK: `${target.triple}-g++`,
      CXXFLAGS: ['-include', LIBRARIES, `-ffile-prefix-map=${folder}=.`, ...target.flags].join(' '),
      // libgcc goes in, as its symbols have versions of their own; the C++ library is the one that Node has loaded.
      LDFLAGS: '-static-libgcc -Wl,--exclude-libs,ALL -s',
    });
    mkdirSync(join(PREBUILDS, target.folder), { recursive: true });
    cpSync(join(folder, 'build', 'Release', 'kith_dataplane.node'), join(PREBUILDS, target.folder, target.file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Node's header files, as they come with the Node from npm that runs this. Node-API, libuv and OpenSSL's public part are
 * the same for all machines: what differs, the compiler picks by its own macros.
 */
function headers(): string {
  const prefix = dirname(dirname(process.execPath));
  for (const folder of [prefix, '/usr']) if (existsSync(join(folder, 'include', 'node', 'node_api.h'))) return folder;
  throw new Error(`no Node header files in ${prefix}/include/node: run npm run setup, which brings a Node with them`);
}
