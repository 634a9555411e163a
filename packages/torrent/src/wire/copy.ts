/**
 * Copies bytes between memory that may be shared with other threads. There V8's `set` goes byte by byte where source and
 * target are not aligned alike (ten times slower, and blocks hardly ever are); Node's `Buffer` moves them as C does.
 */

/** `Buffer.prototype.copy`: https://nodejs.org/api/buffer.html#bufcopytarget-targetstart-sourcestart-sourceend */
type Copier = (this: Uint8Array, to: Uint8Array, at: number, begin: number, end: number) => number;

const native = copierOf(Reflect.get(globalThis, 'Buffer'));

/** The bytes `begin` to `end` of `from` go to `at` in `to`, which has room for them. */
export function copyBytes(to: Uint8Array, at: number, from: Uint8Array, begin: number, end: number): void {
  if (native !== undefined) native.call(from, to, at, begin, end);
  else to.set(from.subarray(begin, end), at);
}

function copierOf(buffer: unknown): Copier | undefined {
  const prototype: unknown = typeof buffer === 'function' ? buffer.prototype : undefined;
  const copy: unknown =
    typeof prototype === 'object' && prototype !== null ? Reflect.get(prototype, 'copy') : undefined;
  return isCopier(copy) ? copy : undefined;
}

function isCopier(copy: unknown): copy is Copier {
  return typeof copy === 'function';
}
