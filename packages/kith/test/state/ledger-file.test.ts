import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { KithError } from '@kith/core';
import { LEDGER_FILE_LIMITS, LedgerFile } from '../../src/state/ledger-file.ts';
import { recordOf } from './records.ts';

const folder = mkdtempSync(join(tmpdir(), 'kith-ledger-'));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
function freshPath(): string {
  return join(folder, `ledger-${count++}.cbor`);
}

/** A file with these batches, and its size after each of them. */
function written(batches: readonly (readonly Uint8Array[])[]): {
  readonly path: string;
  readonly sizes: readonly number[];
} {
  const path = freshPath();
  const file = LedgerFile.create(path);
  const sizes = [statSync(path).size];
  for (const batch of batches) {
    file.appendAll(batch);
    sizes.push(statSync(path).size);
  }
  file.close();
  return { path, sizes };
}

function read(path: string): readonly Uint8Array[] {
  const file = LedgerFile.open(path);
  file.close();
  return file.statements;
}

function errorOf(work: () => unknown): KithError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof KithError, String(error));
    return error;
  }
  throw new Error('nothing was thrown');
}

const plain = (statements: readonly Uint8Array[]) => statements.map((bytes) => [...bytes]);

test('what was appended is there after opening again, for the owner alone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 5 }), { maxLength: 8 }),
      (batches) => {
        const { path } = written(batches);
        assert.deepEqual(plain(read(path)), plain(batches.flat()));
        assert.equal(statSync(path).mode & 0o777, 0o600);
      },
    ),
    { numRuns: 30 },
  );
});

test('a file cut at any byte opens with every record that was whole, reports the rest, and takes new ones', () => {
  const batches = [[recordOf(1)], [recordOf(2), recordOf(3)], [recordOf(4)]];
  const { path, sizes } = written(batches);
  const bytes = readFileSync(path);
  for (let length = 0; length <= bytes.length; length++) {
    const copy = freshPath();
    writeFileSync(copy, bytes.subarray(0, length), { mode: 0o600 });
    const whole = sizes.filter((size) => size <= length).length - 1;
    const wanted = batches.slice(0, Math.max(0, whole)).flat();
    const file = LedgerFile.open(copy);
    assert.deepEqual(plain(file.statements), plain(wanted), `cut after ${length} bytes`);
    const isWhole = sizes.includes(length);
    const start = whole < 0 ? 0 : (sizes[whole] as number);
    assert.deepEqual(file.repair, isWhole ? null : { offset: start, bytes: length - start });
    file.append(recordOf(9));
    file.close();
    assert.deepEqual(plain(read(copy)), plain([...wanted, recordOf(9)]));
    rmSync(copy);
  }
});

test('a last record whose pages did not all reach the disk is cut off', () => {
  const { path, sizes } = written([[recordOf(1)], [recordOf(2)], [recordOf(7)]]);
  const bytes = readFileSync(path);
  const last = sizes[2] as number;
  for (const hole of [last, last + 4, last + 8, bytes.length - 3]) {
    const copy = freshPath();
    writeFileSync(copy, Buffer.concat([bytes.subarray(0, hole), Buffer.alloc(bytes.length - hole)]), { mode: 0o600 });
    const file = LedgerFile.open(copy);
    assert.deepEqual(plain(file.statements), plain([recordOf(1), recordOf(2)]), `zeros from ${hole}`);
    assert.equal(file.repair?.bytes, bytes.length - last);
    file.close();
  }
});

test('a changed byte before the last record is called damage at its offset, and the file is left as it is', () => {
  const { path, sizes } = written([[recordOf(1)], [recordOf(2)], [recordOf(3)]]);
  const bytes = readFileSync(path);
  for (let at = 0; at < (sizes[2] as number); at++) {
    const copy = freshPath();
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ 0x10;
    writeFileSync(copy, damaged, { mode: 0o600 });
    const error = errorOf(() => LedgerFile.open(copy));
    assert.equal(error.code, 'LEDGER_CORRUPT', `byte ${at}`);
    const record = at < (sizes[0] as number) ? 0 : (sizes.findLast((size) => size <= at) as number);
    assert.match(error.message, new RegExp(`ledger-\\d+\\.cbor is damaged at byte ${record}:`));
    assert.deepEqual(readFileSync(copy), damaged);
    rmSync(copy);
  }
});

test('a file that is no ledger, or one with foreign bytes behind its end beyond one record, is not touched', () => {
  const other = freshPath();
  writeFileSync(other, 'something else entirely', { mode: 0o600 });
  assert.equal(errorOf(() => LedgerFile.open(other)).code, 'LEDGER_CORRUPT');
  const { path } = written([[recordOf(1)]]);
  appendFileSync(path, Buffer.alloc(LEDGER_FILE_LIMITS.payload + 100));
  assert.equal(errorOf(() => LedgerFile.open(path)).code, 'LEDGER_CORRUPT');
});

test('a file that others can reach, that is not ours, or that is a link or missing, is refused', () => {
  const { path } = written([[recordOf(1)]]);
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    chmodSync(path, mode);
    const error = errorOf(() => LedgerFile.open(path));
    assert.equal(error.code, 'STATE_PERMISSIONS');
    assert.match(error.message, /chmod 0600/);
  }
  chmodSync(path, 0o600);
  assert.equal(errorOf(() => LedgerFile.open(path, { uid: statSync(path).uid + 1 })).code, 'STATE_OWNER');
  const link = freshPath();
  symlinkSync(path, link);
  assert.equal(errorOf(() => LedgerFile.open(link)).code, 'STATE_CORRUPT');
  assert.equal(errorOf(() => LedgerFile.open(freshPath())).code, 'STATE_INCOMPLETE');
  assert.equal(errorOf(() => LedgerFile.create(path)).code, 'STATE_CORRUPT');
  assert.deepEqual(plain(read(path)), plain([recordOf(1)]));
});

test('a batch larger than a frame is written as several and read as one', () => {
  const record = new Uint8Array(60_000).fill(7);
  const batch = Array.from({ length: 40 }, () => record);
  const { path } = written([batch]);
  assert.equal(read(path).length, 40);
  const file = LedgerFile.open(path);
  assert.throws(() => file.append(new Uint8Array(0)), RangeError);
  assert.throws(() => file.append(new Uint8Array(65_536)), RangeError);
  file.close();
  assert.equal(errorOf(() => file.append(record)).code, 'LEDGER_WRITE_FAILED');
});

test('a disk that takes no more is an error, and the file keeps what was acknowledged', async () => {
  const { path } = written([]);
  const writer = fileURLToPath(new URL('./ledger-writer.ts', import.meta.url));
  // The shell's limit of 8 blocks of 1,024 bytes stands in for a full disk.
  const script = 'ulimit -f 8; exec "$0" --conditions=source "$1" "$2"';
  const child = spawn('bash', ['-c', script, process.execPath, writer, path], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [exit] = await once(child, 'close');
  assert.notEqual(exit, 0);
  assert.match(err, /LEDGER_WRITE_FAILED/);
  const acknowledged = Number(out.trim().split('\n').at(-1));
  assert.ok(acknowledged > 5, `${acknowledged} records fit`);
  const file = LedgerFile.open(path);
  file.close();
  assert.equal(file.repair, null);
  assert.deepEqual(plain(file.statements), plain(Array.from({ length: acknowledged }, (_, i) => recordOf(i))));
});

test('a process killed at any moment loses nothing that it acknowledged', { timeout: 120_000 }, async () => {
  const { path } = written([]);
  const writer = fileURLToPath(new URL('./ledger-writer.ts', import.meta.url));
  for (let round = 0; round < 25; round++) {
    const child = spawn(process.execPath, ['--conditions=source', writer, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    // Killed at the moment an acknowledgement comes in, a different one in each round: it is in the middle of the next.
    const lines = 2 + ((round * 7) % 23);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.split('\n').length > lines) child.kill('SIGKILL');
    });
    const [, signal] = await once(child, 'close');
    assert.equal(signal, 'SIGKILL');
    const printed = out.slice(0, out.lastIndexOf('\n')).split('\n').at(-1) as string;
    const acknowledged = Number(printed.replace('open ', ''));
    const file = LedgerFile.open(path);
    file.close();
    const held = file.statements.length;
    assert.ok(held >= acknowledged, `${acknowledged} records were acknowledged, ${held} are there`);
    assert.deepEqual(plain(file.statements), plain(Array.from({ length: held }, (_, i) => recordOf(i))));
  }
});
