/**
 * The native plane without Node, under the sanitizers: two threads under load for races, malformed bytes for steps
 * beyond a bound, stops in the midst of traffic, and system calls that fail. `KITH_SEED` repeats a run; what threads do
 * in between is not in its hands.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { unlessStrict } from './addon.ts';
import { buildHarness, lacking } from './native/build.ts';

const run = promisify(execFile);
const SEED = process.env['KITH_SEED'] ?? '1';

const KINDS = [
  { name: 'thread sanitizer', flags: 'thread', found: /WARNING: ThreadSanitizer/ },
  { name: 'sanitizers for addresses and undefined behaviour', flags: 'address,undefined', found: /ERROR: / },
] as const;

for (const { name, flags, found } of KINDS) {
  describe(`native plane under the ${name}`, { skip: unlessStrict(lacking) }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'kith-harness-'));
    let program = '';
    before(
      async () => {
        program = await buildHarness(folder, flags);
      },
      { timeout: 110_000 },
    );
    after(() => rmSync(folder, { recursive: true }));

    const harness = async (...args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await run(program, args, {
        timeout: 90_000,
        env: { TSAN_OPTIONS: 'halt_on_error=1', ASAN_OPTIONS: 'detect_leaks=1' },
      });
      assert.doesNotMatch(stderr, found);
      return stdout;
    };

    it('carries traffic both ways while sessions, paths, peers and relays change', async (context) => {
      const said = await harness('load', '3', SEED);
      assert.match(said, /fine/);
      context.diagnostic(said.split('\n')[0] as string);
    });

    it('stops in the midst of traffic, with and without its device', async () => {
      assert.match(await harness('stops', '20', SEED), /fine/);
    });

    it('falls back by itself where the system refuses trains, super-packets, packets or reads', async () => {
      assert.match(await harness('faults'), /fine/);
    });

    if (flags === 'thread') {
      it('is known to race where a race was put in', async () => {
        await assert.rejects(harness('race', '20', SEED), (error: unknown) => {
          assert(error instanceof Error && 'stderr' in error);
          assert.match(String(error.stderr), /data race[\s\S]*kith-(in|out)/);
          return true;
        });
      });
    } else {
      it('seals what comes alone as the vectors of RFC 8439 say', async () => {
        assert.match(await harness('vectors'), /fine/);
      });

      it('stays within its bounds whatever comes from the TUN and the network', async (context) => {
        const said = await harness('fuzz', '20000', SEED);
        assert.match(said, /fine/);
        context.diagnostic(said.split('\n')[0] as string);
      });
    }
  });
}
