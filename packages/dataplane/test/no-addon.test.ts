/** A process that finds no addon, neither built nor prebuilt. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const SCRIPT = `
  const { createNodePlane, nodeCrypto } = await import('@kith/dataplane');
  for (const choice of [{}, { kind: 'native' }]) {
    try {
      const plane = await createNodePlane({ crypto: nodeCrypto(), events: {}, port: 0, loopback: true, ...choice });
      console.log(plane.kind, '|', plane.reason);
      await plane.stop();
    } catch (error) {
      console.log(error.code, '|', error.message);
    }
  }`;

describe('plane without the addon', () => {
  it('is the portable one and says why; the native one is refused to whoever asks for it', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=source', '--input-type=module', '--eval', SCRIPT],
      // Where node-gyp-build looks for this package's addon.
      { env: { ...process.env, '@KITH/DATAPLANE_PREBUILD': '/nonexistent', KITH_PLANE: '' }, cwd: import.meta.dirname },
    );
    const why = `not built here, and no prebuilt one fits ${process.platform} on ${process.arch}`;
    assert.deepEqual(stdout.trim().split('\n'), [
      `portable | the native one does not load: ${why}`,
      `NATIVE_MISSING | the native part of the data plane does not load: ${why}`,
    ]);
  });
});
