/** Lines out of logs: as syslog and the journal write them, and as files come, go and shrink. */
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { failedLogin } from '@kith/gateway';
import { FileTail } from '../../src/bans/file-tail.ts';
import { LineSplitter } from '../../src/bans/line-splitter.ts';
import { journalEntry, syslogLine } from '../../src/bans/log-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-logs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('both times of syslog are read, and the program is told from its process id', () => {
  const text = 'Failed password for root from 192.0.2.7 port 4022 ssh2';
  for (const line of [
    `Nov  2 09:00:01 gw sshd[812]: ${text}`,
    `Nov 22 09:00:01 gw sshd: ${text}`,
    `2026-11-22T09:00:01.123456+01:00 gw sshd[812]: ${text}`,
    `2026-11-22T09:00:01Z gw sshd[812]: ${text}`,
  ])
    assert.deepEqual(syslogLine(line), { service: 'sshd', text });
  assert.equal(syslogLine(`sshd[812]: ${text}`), null);
  assert.equal(syslogLine(''), null);
});

test("a name that looks like a program's line stays in the text of its line", () => {
  const line = 'Nov 22 09:00:01 gw CRON[1]: x sshd[2]: Failed password for root from 192.0.2.7 port 1 ssh2';
  const { service = '', text = '' } = syslogLine(line) ?? {};
  assert.equal(service, 'CRON');
  assert.equal(failedLogin(service, text), null);
});

test('an entry of the journal counts when root wrote it', () => {
  const entry = { SYSLOG_IDENTIFIER: 'sshd', MESSAGE: 'hello', _UID: '0', __CURSOR: 's=1' };
  assert.deepEqual(journalEntry(JSON.stringify(entry)), { line: { service: 'sshd', text: 'hello' }, cursor: 's=1' });
  assert.deepEqual(journalEntry(JSON.stringify({ ...entry, _UID: '1000' })), { line: null, cursor: 's=1' });
  // Bytes that are no text come as a list of numbers.
  assert.deepEqual(journalEntry(JSON.stringify({ ...entry, MESSAGE: [255, 254] })), { line: null, cursor: 's=1' });
  for (const text of ['', 'null', '[]', '{"MESSAGE":', '3']) {
    assert.deepEqual(journalEntry(text), { line: null, cursor: null });
  }
});

test('no line of a stranger makes the reading throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
      void journalEntry(text);
      void syslogLine(text);
    }),
  );
});

test('however bytes are cut, the same lines come out, and those that are too long are left out', () => {
  const line = fc.string({ maxLength: 12, size: 'max' }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
      const splitter = new LineSplitter(5);
      const out: string[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        out.push(...splitter.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      assert.deepEqual(
        out,
        lines.filter((each) => Buffer.byteLength(each) <= 5),
      );
    }),
  );
});

let files = 0;

function tailOf(content: string | null): { path: string; tail: FileTail; write: (text: string) => void } {
  const path = join(folder, `log-${files++}`);
  if (content !== null) writeFileSync(path, content);
  const tail = new FileTail(path);
  return { path, tail, write: (text) => appendFileSync(path, text) };
}

test('what a file holds at first is not news, what is written then comes once', () => {
  const { tail, write } = tailOf('old\nhalf');
  assert.deepEqual(tail.read(), []);
  write(' a line\nnew\nnot yet');
  assert.deepEqual(tail.read(), [' a line', 'new']);
  assert.deepEqual(tail.read(), []);
  write(' complete\n');
  assert.deepEqual(tail.read(), ['not yet complete']);
  tail.close();
});

test('a file that is moved away is read to its end, and the next one from its beginning', () => {
  const { path, tail, write } = tailOf('old\n');
  write('one\n');
  renameSync(path, `${path}.1`);
  appendFileSync(`${path}.1`, 'two\n');
  assert.deepEqual(tail.read(), ['one', 'two']);
  appendFileSync(`${path}.1`, 'three\n');
  write('four\n');
  assert.deepEqual(tail.read(), ['three', 'four']);
  rmSync(path);
  write('five\n');
  assert.deepEqual(tail.read(), ['five']);
  tail.close();
});

test('a file that is copied and cut goes on, also when it has grown beyond its old size meanwhile', () => {
  const { path, tail, write } = tailOf('old\n');
  write('one\n');
  assert.deepEqual(tail.read(), ['one']);
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
  write('two\n');
  assert.deepEqual(tail.read(), ['two']);
  truncateSync(path);
  write('a longer line than all that was there\n');
  assert.deepEqual(tail.read(), ['a longer line than all that was there']);
  tail.close();
});

test('a file that comes later is read from its beginning', () => {
  const { tail, write } = tailOf(null);
  assert.deepEqual(tail.read(), []);
  write('one\n');
  assert.deepEqual(tail.read(), ['one']);
  tail.close();
});

test('much at once comes in pieces, and nothing is lost', () => {
  const { tail, write } = tailOf('');
  const lines = Array.from({ length: 200_000 }, (_, i) => `line ${i} ${'x'.repeat(30)}`);
  write(`${lines.join('\n')}\n`);
  const first = tail.read();
  assert.ok(first.length < lines.length);
  const out = [...first, ...tail.read(), ...tail.read()];
  assert.deepEqual([out.length, out.at(-1)], [lines.length, lines.at(-1)]);
  tail.close();
});
