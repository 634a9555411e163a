/**
 * The addon under the sanitizers for addresses and undefined behaviour: built apart, it lives through the conformance
 * suite, the differential lives, the offloads and planes on threads. A step beyond a bound ends the process.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unlessStrict } from './addon.ts';
import { headers, lacking } from './native/build.ts';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const SUITES = ['native-plane.test.ts', 'offload.test.ts', 'node-plane.test.ts'];
const FLAGS = ['-std=c++17', '-O1', '-g', '-shared', '-fPIC', '-fno-exceptions', '-fno-rtti', '-DNAPI_VERSION=8'];
const SANITIZE = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-fno-omit-frame-pointer'];

describe('native addon under the sanitizers', { skip: unlessStrict(lacking) }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-sanitized-'));
  let preload = '';

  before(
    async () => {
      assert(headers !== undefined, "Node's header files are not here");
      const sources = readdirSync(join(PACKAGE, 'native')).filter((name) => name.endsWith('.cc'));
      const objects = join(folder, 'objects');
      const release = join(folder, 'build', 'Release');
      for (const made of [objects, release]) mkdirSync(made, { recursive: true });
      const compile = async (queue: string[]): Promise<void> => {
        for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
          const out = join(objects, `${name}.o`);
          const source = join(PACKAGE, 'native', name);
          await run('g++', [...FLAGS, ...SANITIZE, `-I${headers}`, '-c', source, '-o', out]);
        }
      };
      const queue = [...sources];
      await Promise.all([compile(queue), compile(queue)]);
      const built = readdirSync(objects).map((name) => join(objects, name));
      await run('g++', ['-shared', ...SANITIZE, ...built, '-o', join(release, 'kith_dataplane.node')]);
      preload = (await run('g++', ['-print-file-name=libasan.so'])).stdout.trim();
    },
    { timeout: 110_000 },
  );
  after(() => rmSync(folder, { recursive: true }));

  const child = (args: readonly string[], env: Readonly<Record<string, string>>) => {
    return run(process.execPath, ['--conditions=source', ...args], {
      cwd: PACKAGE,
      timeout: 100_000,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: process.env['PATH'] ?? '',
        LD_PRELOAD: preload,
        // Node itself leaves memory behind when it ends.
        ASAN_OPTIONS: 'detect_leaks=0',
        // Where node-gyp-build looks for this package's addon.
        '@KITH/DATAPLANE_PREBUILD': folder,
        ...env,
      },
    });
  };

  for (const suite of SUITES) {
    it(`passes ${suite}`, async () => {
      const done = await child([join('test', suite)], { KITH_PLANE: 'native' });
      assert.match(done.stdout, /^ℹ fail 0$|^# fail 0$/m);
      assert.match(done.stdout, /^(ℹ|#) skipped 0$/m);
      assert.doesNotMatch(done.stderr, /runtime error|AddressSanitizer/);
    });
  }

  it('is what was loaded', async () => {
    const script = `const { loadNative } = await import('./src/native.ts'); loadNative();
      console.log(process.getBuiltinModule('node:fs').readFileSync('/proc/self/maps', 'utf8').includes('${folder}'));`;
    const done = await child(['--input-type=module', '--eval', script], {});
    assert.equal(done.stdout.trim(), 'true');
  });
});
