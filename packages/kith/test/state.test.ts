import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type ErrorCode,
  KithError,
  type Label,
  type NetworkId,
  type NodeId,
  parseEndpoint,
  SecretKey,
} from '@kith/core';
import { checkFolder, makeFolder, readStateFile, replaceFile } from '../src/state/files.ts';
import { readKeyFile, writeKeyFile } from '../src/state/key-file.ts';
import { takeLock } from '../src/state/lock.ts';
import { type NetworkFile, readNetworkFile, writeNetworkFile } from '../src/state/network-file.ts';

const root = mkdtempSync(join(tmpdir(), 'kith-state-'));
let folder = '';
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  makeFolder(folder);
});
after(() => rmSync(root, { recursive: true }));

function refuses(work: () => unknown, code: ErrorCode, message: RegExp): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof KithError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const asRoot = process.geteuid?.() === 0;
const key = new SecretKey(Uint8Array.from({ length: 32 }, (_, i) => i));

test('a new folder is for its owner alone', () => {
  assert.equal(lstatSync(folder).mode & 0o777, 0o700);
  assert.equal(checkFolder(folder), true);
  assert.equal(checkFolder(join(folder, 'none')), false);
});

test('a folder that others can enter is refused with the command that mends it', () => {
  chmodSync(folder, 0o750);
  refuses(() => checkFolder(folder), 'STATE_PERMISSIONS', /mode 0750.*chmod 0700 /);
});

test('a file in place of the folder is refused', () => {
  writeFileSync(join(folder, 'x'), '');
  refuses(() => checkFolder(join(folder, 'x')), 'STATE_CORRUPT', /is no folder/);
});

test(
  'a folder or file of another user is refused even to root',
  { skip: asRoot ? false : 'only root can give files away' },
  () => {
    writeKeyFile(join(folder, 'node.key'), 'node', key);
    chownSync(join(folder, 'node.key'), 12345, 12345);
    refuses(
      () => readKeyFile(join(folder, 'node.key'), 'node'),
      'STATE_OWNER',
      /belongs to user id 12345, kith runs as user id 0/,
    );
    chownSync(folder, 12345, 12345);
    refuses(() => checkFolder(folder), 'STATE_OWNER', /belongs to user id 12345/);
  },
);

test('a key comes back as it was written, in a file for its owner alone', () => {
  const path = join(folder, 'node.key');
  writeKeyFile(path, 'node', key);
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readKeyFile(path, 'node').reveal(), key.reveal());
  assert.match(readFileSync(path, 'utf8'), /^kith-node-secret:[\w-]{43}\n$/);
});

test('a key file that others can read is refused', () => {
  const path = join(folder, 'node.key');
  writeKeyFile(path, 'node', key);
  chmodSync(path, 0o640);
  refuses(() => readKeyFile(path, 'node'), 'STATE_PERMISSIONS', /mode 0640.*private key: chmod 0600 /);
});

test('a damaged key file is refused without showing the key', () => {
  const path = join(folder, 'node.key');
  writeKeyFile(path, 'tunnel', key);
  refuses(() => readKeyFile(path, 'node'), 'STATE_CORRUPT', /no node key: it holds a tunnel key$/);
  const good = readFileSync(path, 'utf8');
  const secret = good.slice(good.indexOf(':') + 1).trim();
  for (const bad of [
    '',
    'x',
    good.slice(0, 30),
    good.replace(':', ':?'),
    `${good}${good}`,
    `kith-tunnel-secret:${secret}AAAA\n`,
  ]) {
    writeFileSync(path, bad, { mode: 0o600 });
    refuses(() => readKeyFile(path, 'tunnel'), 'STATE_CORRUPT', /^(?!.*AAECAwQFBgcICQ)/);
  }
});

test('a missing file and a link in its place are told apart', () => {
  refuses(() => readStateFile(join(folder, 'none'), true), 'STATE_INCOMPLETE', /none is missing$/);
  symlinkSync('/etc/passwd', join(folder, 'link'));
  refuses(() => readStateFile(join(folder, 'link'), false), 'STATE_CORRUPT', /no regular file/);
});

test('replacing a file leaves no other file behind', () => {
  replaceFile(join(folder, 'a'), 'one');
  replaceFile(join(folder, 'a'), 'two');
  assert.deepEqual(readdirSync(folder), ['a']);
  assert.equal(readStateFile(join(folder, 'a'), true), 'two');
});

test('a file that cannot be replaced is left as it was', () => {
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a', 'keep'), '');
  assert.throws(() => replaceFile(join(folder, 'a'), 'two'));
  assert.deepEqual(readdirSync(folder), ['a']);
});

const network: NetworkFile = {
  label: 'home' as Label,
  id: 'ab'.repeat(32) as NetworkId,
  remembered: [{ id: '0011223344556677' as NodeId, endpoints: [parseEndpoint('203.0.113.7:6550')] }],
  wall: 1_700_000_000_000,
};

test('network.json comes back as it was written', () => {
  writeNetworkFile(join(folder, 'network.json'), network);
  assert.deepEqual(readNetworkFile(join(folder, 'network.json')), network);
});

test('a damaged network.json is refused with its reason', () => {
  const path = join(folder, 'network.json');
  const good = JSON.stringify({ version: 1, ...network });
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /JSON/],
    [good.slice(0, 50), /JSON/],
    ['[]', /no object/],
    [good.replace('"version":1', '"version":2'), /version is 2 instead of 1/],
    [good.replace('"home"', '"-"'), /no DNS label/],
    [good.replace('abab', 'zz'), /"id" is no network id/],
    [good.replace('203.0.113.7:6550', 'x'), /not an endpoint/],
    [good.replace('0011223344556677', '00'), /without a node id/],
    [good.replace('1700000000000', '-1'), /"wall" is no time/],
  ];
  for (const [text, why] of cases) {
    writeFileSync(path, text, { mode: 0o600 });
    refuses(() => readNetworkFile(path), 'STATE_CORRUPT', why);
  }
});

const HOLDER = fileURLToPath(new URL('./lock-holder.ts', import.meta.url));

test('the lock has one holder, names it, and is free again when it is released', () => {
  const lock = takeLock(folder, 'up');
  refuses(() => takeLock(folder, 'invite'), 'ALREADY_RUNNING', new RegExp(`kith up with process id ${process.pid}$`));
  lock.release();
  takeLock(folder, 'invite').release();
});

test('the lock of another process is seen, and vanishes with it when it is killed', async () => {
  const child = spawn(process.execPath, ['--conditions=source', HOLDER, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    refuses(() => takeLock(folder, 'up'), 'ALREADY_RUNNING', new RegExp(`kith up with process id ${child.pid}$`));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  takeLock(folder, 'up').release();
});
