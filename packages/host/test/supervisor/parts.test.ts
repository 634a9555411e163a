/** The supervisor's parts that need no process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { DaemonValue, Probe } from '@kith/gateway';
import { isDaemonValue } from '@kith/host';
import { BackOff } from '../../src/supervisor/back-off.ts';
import { LogFile } from '../../src/supervisor/log-file.ts';
import { ntpAnswer, ntpQuestion } from '../../src/supervisor/ntp.ts';
import { processOf } from '../../src/supervisor/process-table.ts';
import { Records } from '../../src/supervisor/record.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-supervisor-parts-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('waits double up to the longest, and begin anew after a minute of health', () => {
  const backOff = new BackOff({ first: 1_000, most: 60_000, healthy: 60_000 });
  const waits = [0, 0, 0, 59_999, 0, 0, 0, 0].map((served) => backOff.failed(served));
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  assert.deepEqual([backOff.failed(60_000), backOff.failed(0)], [1_000, 2_000]);
});

const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function answerWith(change: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  bytes.set([0x24, 10]);
  bytes.set(nonce, 24);
  // 2026-01-01T00:00:00.5Z
  view.setUint32(40, 1_767_225_600 + 2_208_988_800);
  view.setUint32(44, 2 ** 31);
  change(view);
  return bytes;
}

test('an answer of a time server is told from what is none', () => {
  const judged = (change: (view: DataView) => void): unknown => ntpAnswer(answerWith(change), nonce);
  assert.deepEqual(
    judged(() => undefined),
    { stratum: 10, time: Date.parse('2026-01-01T00:00:00.500Z') },
  );
  assert.equal(
    judged((view) => view.setUint8(0, 0x23)),
    'an answer in mode 3 instead of 4',
  );
  assert.equal(
    judged((view) => view.setUint8(24, 9)),
    'an answer to another question',
  );
  assert.equal(
    judged((view) => view.setUint8(1, 0)),
    'an answer without a time (stratum 0)',
  );
  assert.equal(
    judged((view) => view.setUint8(1, 16)),
    'an answer without a time (stratum 16)',
  );
  assert.equal(
    judged((view) => view.setUint8(0, 0xe4)),
    'an answer without a time (stratum 10)',
  );
  assert.equal(
    judged((view) => view.setUint32(40, 0)),
    'an answer without a time',
  );
  assert.deepEqual(
    judged((view) => view.setUint32(40, 100)),
    {
      stratum: 10,
      time: Date.parse('2036-02-07T06:28:16Z') + 100_500,
    },
  );
  assert.equal(ntpAnswer(new Uint8Array(47), nonce), 'an answer of 47 bytes, which is too short for NTP');
  assert.deepEqual([...ntpQuestion(nonce).subarray(0, 1), ...ntpQuestion(nonce).subarray(40)], [0x23, ...nonce]);
});

test('no bytes make the reading of a time server throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void ntpAnswer(bytes, nonce)));
});

test('a process that has ended is none, even while its parent has not fetched it', async () => {
  // The shell becomes a program that never asks after the child.
  const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(line);
    await until('it has ended', () => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z '));
    assert.equal(processOf(pid), null);
    assert.equal(processOf(parent.pid ?? 0)?.group, processOf(process.pid)?.group);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('a log is cut under the hands of its writer, and what it held is kept once', () => {
  const log = new LogFile(join(folder, 'cut.log'), 100);
  const writer = log.open();
  writeSync(writer, `${'a'.repeat(120)}\n`);
  log.trim();
  writeSync(writer, 'b\n');
  closeSync(writer);
  assert.equal(readFileSync(log.path, 'utf8'), 'b\n');
  assert.equal(statSync(`${log.path}.1`).size, 121);
  log.trim();
  assert.equal(readFileSync(log.path, 'utf8'), 'b\n');
});

test('last words are few, short, printable and not those of the supervisor', () => {
  const log = new LogFile(join(folder, 'words.log'));
  assert.deepEqual(log.lastWords(), []);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`);
  appendFileSync(log.path, `${lines.join('\n')}\n\u001b[31m${'x'.repeat(9000)}\n\n`);
  log.note('ended', 0);
  const words = log.lastWords();
  assert.equal(words.length, 20);
  assert.equal(words.at(-2), 'line 4999');
  assert.equal(words.at(-1), ` [31m${'x'.repeat(495)}`);
  const from = log.size;
  assert.deepEqual(log.lastWords(from), []);
  appendFileSync(log.path, 'new\n');
  assert.deepEqual(log.lastWords(from), ['new']);
  // Cut since: what is there now is all that is known.
  writeFileSync(log.path, 'cut\n');
  assert.deepEqual(log.lastWords(from), ['cut']);
});

const value: fc.Arbitrary<DaemonValue> = fc.record(
  {
    argv: fc.array(fc.string(), { minLength: 1, maxLength: 4 }),
    ready: fc.oneof(
      fc.constant<Probe>({ type: 'running' }),
      fc.string().map((path): Probe => ({ type: 'socket', path })),
      fc.nat().map((port): Probe => ({ type: 'ntp', address: '::1', port })),
      fc.nat().map((port): Probe => ({ type: 'dns', address: '::1', port, name: 'gw' })),
    ),
    reads: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  },
  { noNullPrototype: true },
);

test('records come back as they were written, and spoiled ones as unreadable', () => {
  const records = new Records(join(folder, 'records'));
  const plain = { noNullPrototype: true };
  const process = { boot: fc.string(), pid: fc.integer({ min: 2 }), started: fc.nat() };
  const written = fc.record(
    {
      name: fc.stringMatching(/^[a-z./%-]{1,20}$/),
      value,
      restarts: fc.nat(),
      process: fc.option(fc.record(process, plain)),
      stopping: fc.boolean(),
    },
    plain,
  );
  fc.assert(
    fc.property(written, fc.nat(), fc.string(), (record, at, junk) => {
      for (const name of records.all().keys()) records.remove(name);
      records.write(record);
      assert.deepEqual(records.all(), new Map([[record.name, record]]));
      const path = join(folder, 'records', `${encodeURIComponent(record.name)}.json`);
      const text = readFileSync(path, 'utf8');
      const cut = at % text.length;
      writeFileSync(path, text.slice(0, cut) + junk);
      assert.deepEqual([...records.all().keys()], [record.name]);
      writeFileSync(path, text.slice(0, cut));
      assert.deepEqual(records.all(), new Map([[record.name, null]]));
    }),
    { numRuns: 60 },
  );
});

test('a value of a daemon is told from other data', () => {
  fc.assert(fc.property(value, (each) => isDaemonValue(each)));
  fc.assert(fc.property(fc.jsonValue(), (each) => !isDaemonValue(each) || Array.isArray(each.argv)));
  assert.ok(!isDaemonValue({ argv: [], ready: { type: 'running' }, reads: {} }));
  assert.ok(!isDaemonValue({ argv: ['x'], ready: { type: 'dns', address: '::1', port: -1, name: 'x' }, reads: {} }));
});
