/** What can be said of the addon without rights and without a device. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { load, loadNative } from '../src/native.ts';
import { explainTunError } from '../src/tun.ts';
import { missing } from './addon.ts';

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall}: something`), { code, syscall });
}

describe('native addon', () => {
  it('is loaded once, or says why it is not', () => {
    const result = loadNative();
    assert.equal(loadNative(), result);
    if (result.native === null) assert.notEqual(result.reason, '');
    else assert.equal(typeof result.native.openTun, 'function');
  });

  it('is absent with a reason where there is none', () => {
    const result = load('/nonexistent');
    assert(result.native === null);
    assert.equal(result.reason, `not built here, and no prebuilt one fits ${process.platform} on ${process.arch}`);
  });

  it('is found as a prebuilt one, but not as one for another machine', { skip: missing }, () => {
    const nodeGypBuild: { path(folder: string): string } = createRequire(import.meta.url)('node-gyp-build');
    const folder = mkdtempSync(join(tmpdir(), 'kith-prebuilt-'));
    try {
      const name = (tags: string): string =>
        join(folder, 'prebuilds', `linux-${process.arch}`, `@kith+dataplane.${tags}.node`);
      mkdirSync(dirname(name('glibc')), { recursive: true });
      cpSync(nodeGypBuild.path(dirname(import.meta.dirname)), name('glibc'));
      assert.notEqual(load(folder).native, null);
      for (const other of ['musl', 'armv5.glibc', 'electron']) {
        renameSync(name('glibc'), name(other));
        assert.equal(load(folder).native, null, other);
        renameSync(name(other), name('glibc'));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('that is no addon is a reason, and no error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kith-prebuilt-'));
    try {
      mkdirSync(join(folder, 'build', 'Release'), { recursive: true });
      cpSync(import.meta.filename, join(folder, 'build', 'Release', 'kith_dataplane.node'));
      const result = load(folder);
      assert(result.native === null);
      assert.match(result.reason, /kith_dataplane\.node: (file too short|invalid ELF header)/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses arguments of other types', { skip: missing }, () => {
    const { native } = loadNative();
    assert(native !== null);
    const call = (name: keyof typeof native, ...args: unknown[]) => {
      const method: unknown = Reflect.get(native, name);
      assert(typeof method === 'function');
      return Reflect.apply(method, native, args);
    };
    assert.throws(() => call('openTun'), TypeError);
    assert.throws(() => call('openTun', 'x', 'y', 'z'), TypeError);
    assert.throws(() => call('setCapabilities', ['x']), TypeError);
    assert.throws(() => native.setCapabilities([64]), TypeError);
    for (const name of [
      'openOffloadTun',
      'openUdp',
      'closeDescriptor',
      'createPlane',
      'segment',
      'coalesce',
      'aead',
      'aes',
    ] as const) {
      assert.throws(() => call(name), TypeError, name);
      assert.throws(() => call(name, 'x', {}, [], null, true, 1), TypeError, name);
    }
    const limits = { queuePerPeer: 1, controlBody: 1, noNextHopMemory: 1, ttl: 1 };
    const none = () => undefined;
    const plane = native.createPlane({ report: none, sendDatagram: none, writePacket: none }, limits);
    const withArguments = Object.entries(plane).filter(
      ([name]) => !['counters', 'wakeAt', 'stop', 'ioCounters', 'clock'].includes(name),
    );
    assert(withArguments.length >= 15);
    for (const [name, method] of withArguments) {
      assert.throws(() => Reflect.apply(method, plane, []), TypeError, name);
      assert.throws(() => Reflect.apply(method, plane, ['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x']), TypeError, name);
      assert.throws(() => Reflect.apply(method, {}, [1, 2, 3]), TypeError, name);
    }
    const tooShort = new Uint8Array(1);
    for (const bytes of [
      tooShort,
      Uint8Array.of(0, 6, 1),
      Uint8Array.of(0, 200),
      Uint8Array.of(1, 6, 1, 1, 1, 1, 0, 9),
    ]) {
      assert.throws(() => plane.sendMessage(tooShort, bytes), TypeError);
      assert.throws(() => plane.setPeer(1, bytes, null, true, false, 0, 0), TypeError);
    }
    for (const list of [[6], [6, 1], [7, 1, 1, 1, 1, 0, 9, 9], [0]]) {
      assert.throws(() => plane.setRelaySources(Uint8Array.from(list)), TypeError);
    }
  });
});

describe('an interface that cannot be made', () => {
  it('is explained by code and name', () => {
    const codes = (
      [
        ['EPERM', 'TUNSETIFF'],
        ['EACCES', 'open'],
        ['ENOENT', 'open'],
        ['ENODEV', 'open'],
        ['EBUSY', 'TUNSETIFF'],
        ['EINVAL', 'TUNSETIFF'],
        ['ENOMEM', 'mmap'],
      ] as const
    ).map(([code, syscall]) => explainTunError(systemError(code, syscall), 'kith0'));
    assert.deepEqual(
      codes.map(({ code }) => code),
      [
        'TUN_PERMISSION',
        'TUN_PERMISSION',
        'TUN_UNAVAILABLE',
        'TUN_UNAVAILABLE',
        'TUN_BUSY',
        'TUN_BUSY',
        'INTERFACE_FAILED',
      ],
    );
    for (const error of codes) assert.match(error.message, /kith0|\/dev\/net\/tun/);
  });
});
