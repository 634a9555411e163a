import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ErrorCode, KithError, parseEndpoint } from '@kith/core';
import fc from 'fast-check';
import { checkSetting, parseConfig, readConfig, writeConfig } from '../src/config/config.ts';
import { DEFAULTS } from '../src/config/schema.ts';

async function refusal(text: string): Promise<{ code: ErrorCode; message: string }> {
  try {
    await parseConfig(text, 'config.yaml');
  } catch (error) {
    assert.ok(error instanceof KithError, String(error));
    return { code: error.code, message: error.message };
  }
  return assert.fail(`accepted: ${text}`);
}

test('an unknown key is refused with its line and the nearest key', async () => {
  assert.deepEqual(await refusal('# mine\nrelay: true\nprot: 6550\n'), {
    code: 'CONFIG_UNKNOWN_KEY',
    message: 'config.yaml:3: unknown key "prot", did you mean "port"?',
  });
});

test('a key that resembles none is refused with the list of keys', async () => {
  const { code, message } = await refusal('zebra: 1\n');
  assert.equal(code, 'CONFIG_UNKNOWN_KEY');
  assert.match(message, /^config\.yaml:1: unknown key "zebra"; the keys are port, interface, mtu/);
});

const WRONG: readonly (readonly [text: string, code: ErrorCode, message: RegExp])[] = [
  ['port: 70000', 'CONFIG_INVALID', /^config\.yaml:1: "port" 70000 is not allowed: .* from 0 to 65535$/],
  ['\n\nport: "6550"', 'CONFIG_INVALID', /^config\.yaml:3: "port" "6550"/],
  ['port:', 'CONFIG_INVALID', /^config\.yaml:1: "port" null/],
  ['mtu: 1000', 'CONFIG_INVALID', /from 1280 to 9000$/],
  ['location: [91, 0]', 'CONFIG_INVALID', /"location" \[91,0\] is not allowed: it must be degrees north and east/],
  ['relay: yes', 'CONFIG_INVALID', /"relay" "yes" is not allowed: it must be true or false$/],
  ['interface: a/b', 'CONFIG_INVALID', /1 to 15 letters/],
  ['interface: sixteencharacter', 'CONFIG_INVALID', /1 to 15 letters/],
  ['endpoints: 1.2.3.4:5', 'CONFIG_INVALID', /must be a list/],
  ['endpoints: [1.2.3.4]', 'CONFIG_INVALID', /"1\.2\.3\.4" is not an endpoint/],
  ['log: loud', 'CONFIG_INVALID', /debug, info or warn$/],
  ['- port', 'CONFIG_SYNTAX', /^config\.yaml:1: /],
  ['port: 1\nport: 2', 'CONFIG_SYNTAX', /^config\.yaml:2: /],
  ['port: [1', 'CONFIG_SYNTAX', /^config\.yaml:1: /],
];

for (const [text, code, message] of WRONG) {
  test(`${JSON.stringify(text)} is refused`, async () => {
    const found = await refusal(text);
    assert.equal(found.code, code);
    assert.match(found.message, message);
  });
}

test('a file of comments means the defaults', async () => {
  assert.deepEqual(await parseConfig('# port: 1\n\n', 'config.yaml'), DEFAULTS);
});

test('no text whatever crashes the reader: it is read or refused with a code', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json()), async (text) => {
      try {
        await parseConfig(text, 'config.yaml');
      } catch (error) {
        assert.ok(error instanceof KithError, String(error));
      }
    }),
  );
});

test('aliases that multiply are refused instead of expanded', async () => {
  const bomb = ['a: &a [1,1,1,1,1,1,1,1,1]'];
  for (let i = 0; i < 9; i++)
    bomb.push(
      `b${i}: &b${i} [${Array(9)
        .fill(i === 0 ? '*a' : `*b${i - 1}`)
        .join(',')}]`,
    );
  assert.equal((await refusal(bomb.join('\n'))).code, 'CONFIG_SYNTAX');
  assert.equal((await refusal('port: &a [*a, *a]')).code, 'CONFIG_SYNTAX');
});

test('what is written is read again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-config-'));
  const path = join(folder, 'config.yaml');
  try {
    assert.deepEqual(await readConfig(path), DEFAULTS, 'no file means the defaults');
    writeConfig(path, {});
    assert.deepEqual(await readConfig(path), DEFAULTS);
    const given = {
      port: 7000,
      interface: 'mesh0',
      endpoints: [parseEndpoint('[2001:db8::1]:7000')],
      relay: false,
      location: { latitude: 53.35, longitude: -6.26 },
    };
    writeConfig(path, given);
    assert.deepEqual(await readConfig(path), { ...DEFAULTS, ...given });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a setting from the command line obeys the rule of the file', () => {
  assert.equal(checkSetting('port', 1, '--port'), 1);
  assert.throws(() => checkSetting('port', -1, '--port'), /^KithError: --port -1 is not allowed/);
});
