import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSettings, writeSettings } from '../src/share/settings.ts';
import { Sandbox } from './program.ts';

test('what was said about televisions is remembered, and what cannot be read means off', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kith-tv-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'share.json');
  const off = { on: false, interfaces: [], shares: [] };
  const settings = readSettings(path);
  assert.deepEqual(settings.tv, off);
  const tv = { on: true, interfaces: ['eth0'], shares: ['abcd'] };
  writeSettings(path, { ...settings, tv });
  assert.deepEqual(readSettings(path), { ...settings, tv });
  for (const broken of [
    undefined,
    null,
    1,
    {},
    { ...tv, on: 1 },
    { ...tv, shares: [1] },
    { ...tv, interfaces: 'eth0' },
  ]) {
    writeFileSync(path, JSON.stringify({ ...settings, tv: broken }), { mode: 0o600 });
    assert.deepEqual(readSettings(path), settings, JSON.stringify(broken));
  }
});

test('kith share prints a playlist where something plays', async (t) => {
  const sandbox = new Sandbox();
  t.after(async () => {
    await sandbox.run(['share', 'stop']);
    sandbox.remove();
  });
  for (const [name, plays] of [
    ['notes.pdf', false],
    ['song.flac', true],
  ] as const) {
    const path = join(sandbox.state, name);
    writeFileSync(path, name);
    const { stdout } = await sandbox.run(['share', path]);
    const url = /^http:\S+\/playlist\.m3u8$/m.exec(stdout)?.[0];
    assert.equal(url !== undefined, plays, stdout);
    if (url === undefined) continue;
    const lines = (await (await fetch(url)).text()).trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 2), ['#EXTM3U', '#EXTINF:-1,song.flac']);
    assert.equal(await (await fetch(lines[2] ?? '')).text(), name);
  }
});

test('nobody sees anything on a television unless told', async (t) => {
  const sandbox = new Sandbox();
  t.after(async () => {
    await sandbox.run(['share', 'stop']);
    sandbox.remove();
  });
  assert.match((await sandbox.run(['share', 'tv'])).stdout, /^off: /);
  const both = await sandbox.run(['share', 'tv', 'on', '--all', '--share', 'x']);
  assert.deepEqual([both.code, /exclude each other/.test(both.stderr)], [2, true]);
  const unknown = await sandbox.json(['share', 'tv', 'on', '--share', 'nothing']);
  assert.equal(unknown.value['error']?.['code'], 'SHARE_UNKNOWN');
  assert.match((await sandbox.run(['share', 'tv', 'status'])).stdout, /^off: /);
});
