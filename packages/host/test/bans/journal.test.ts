/** The journal, with a stand-in for journalctl: there is no systemd in a namespace. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { JournalSource } from '../../src/bans/login-source.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-journal-'));
const path = process.env['PATH'];
after(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true, force: true });
});

test('entries come as they are written, and after an end of journalctl go on where they were', async () => {
  const entry = { SYSLOG_IDENTIFIER: 'sshd', MESSAGE: 'hello', _UID: '0', __CURSOR: 's=1' };
  const script = ['#!/bin/sh', `echo "$@" >> ${folder}/arguments`, `echo '${JSON.stringify(entry)}'`, 'exit 1'];
  writeFileSync(`${folder}/journalctl`, script.join('\n'));
  chmodSync(`${folder}/journalctl`, 0o755);
  process.env['PATH'] = `${folder}:${path}`;
  const lines: unknown[] = [];
  const source = new JournalSource(['sshd', 'sshd-session']);
  source.start((line) => lines.push(line));
  await until('it was started twice', () => lines.length >= 2);
  source.stop();
  assert.deepEqual(lines[0], { service: 'sshd', text: 'hello' });
  const [first = '', second = ''] = readFileSync(`${folder}/arguments`, 'utf8').split('\n');
  assert.match(first, /--follow --output=json .*--lines=0 --identifier=sshd --identifier=sshd-session$/);
  assert.match(second, /--after-cursor=s=1 --lines=all/);
});
