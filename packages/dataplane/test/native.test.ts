/** What can be said of the addon without rights and without a device. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load, loadNative } from '../src/native.ts';
import { explainTunError } from '../src/tun.ts';

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
    assert.match(result.reason, /nonexistent|No native build/);
  });

  const unbuilt = loadNative().native === null ? 'not built here: npm run setup' : false;
  it('refuses arguments of other types', { skip: unbuilt }, () => {
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
