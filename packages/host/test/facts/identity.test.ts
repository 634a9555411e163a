/** Keys are drawn once, kept from others, and never told. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { KithError } from '@kith/core';
import { readGatewayFile } from '@kith/gateway';
import { identityIn } from '@kith/host';
import { parseConnection } from '../../src/facts/session.ts';
import { parseSeeds } from '../../src/identity/identity.ts';

const PLAIN = 'gateway:\n  community: Freemesh Ireland\n  clients: eth1\n  exit: eth0\n';
const settingsOf = (text: string) => readGatewayFile(text, 'kith.yaml').settings;
const MESHED = settingsOf(`${PLAIN}  vpn: { wireguard: {} }\n`);

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kith-identity-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a gateway without tunnels draws nothing', async (t) => {
  const folder = folderFor(t);
  assert.deepEqual(await identityIn(folder, settingsOf(PLAIN)), { seeds: {}, fastd: null, wireguard: null });
  assert.deepEqual(readdirSync(folder), []);
});

test('keys are drawn once, and lie where root alone reads them', async (t) => {
  const folder = folderFor(t);
  const identity = await identityIn(folder, MESHED);
  assert.match(identity.wireguard ?? '', /^[A-Za-z0-9+/]{43}=$/);
  assert.match(identity.seeds['freemesh'] ?? '', /^[0-9a-f]{64}$/);
  assert.deepEqual(await identityIn(folder, MESHED), identity);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  const secret = readFileSync(join(folder, 'wireguard.key'), 'utf8').trim();
  assert.ok(secret.length === 44 && !JSON.stringify(identity).includes(secret), 'nobody is told the private key');
});

test('the public key is that of RFC 7748, section 6.1', async (t) => {
  const folder = folderFor(t);
  const inBase64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');
  const secret = inBase64('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
  writeFileSync(join(folder, 'wireguard.key'), `${secret}\n`, { mode: 0o600 });
  const { wireguard } = await identityIn(folder, MESHED);
  assert.equal(wireguard, inBase64('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'));
});

test('a domain that comes later gets a seed and the others keep theirs', async (t) => {
  const folder = folderFor(t);
  const { seeds } = await identityIn(folder, MESHED);
  const more = settingsOf(
    `gateway:\n  community: Freemesh Ireland\n  exit: eth0\n  vpn: wireguard\n  domains:\n    freemesh: { interfaces: eth1 }\n    cork: {}\n`,
  );
  const later = await identityIn(folder, more);
  assert.equal(later.seeds['freemesh'], seeds['freemesh']);
  assert.notEqual(later.seeds['cork'], undefined);
});

test('keys that others can read, and files that hold none, are refused by name', async (t) => {
  const folder = folderFor(t);
  await identityIn(folder, MESHED);
  const path = join(folder, 'wireguard.key');
  chmodSync(path, 0o644);
  await assert.rejects(identityIn(folder, MESHED), (error: unknown) => isError(error, 'STATE_PERMISSIONS', path));
  chmodSync(path, 0o600);
  for (const text of ['', 'none\n', `${'A'.repeat(44)}\n`]) {
    writeFileSync(path, text);
    await assert.rejects(identityIn(folder, MESHED), (error: unknown) => isError(error, 'STATE_CORRUPT', path));
  }
});

function isError(error: unknown, code: string, text: string): boolean {
  return error instanceof KithError && error.code === code && error.message.includes(text);
}

test('what are no seeds is told apart, whatever it is', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseSeeds(text) === null || text.trim() === '{}'));
  assert.deepEqual(parseSeeds(`{"a":"${'0'.repeat(64)}"}`), { a: '0'.repeat(64) });
  assert.equal(parseSeeds(`{"a":"${'0'.repeat(63)}"}`), null);
});

test('the two ends of a session are read, and nothing that looks like them', () => {
  assert.deepEqual(parseConnection('A=b\0SSH_CONNECTION=203.0.113.9 50000 192.0.2.1 22\0C=d'), {
    client: '203.0.113.9',
    server: '192.0.2.1',
  });
  assert.deepEqual(parseConnection('SSH_CONNECTION=fe80::9%eth1 1 fe80::1%eth1 22')?.client, 'fe80::9%eth1');
  for (const text of ['', 'SSH_CONNECTION=', 'SSH_CONNECTION=a b c d', 'XSSH_CONNECTION=1.2.3.4 1 1.2.3.4 2'])
    assert.equal(parseConnection(text), null);
});
