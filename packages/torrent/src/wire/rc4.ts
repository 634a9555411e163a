/** RC4 as message stream encryption uses it: the first 1024 bytes of the key stream are thrown away. */
const DROP = 1024;

export class Rc4 {
  readonly #state: Uint8Array = new Uint8Array(256);
  #i = 0;
  #j = 0;

  /** Key of 1..256 bytes. */
  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let i = 0; i < 256; i++) state[i] = i;
    let j = 0;
    for (let i = 0; i < 256; i++) {
      const a = state[i] as number;
      j = (j + a + (key[i % key.length] as number)) & 255;
      state[i] = state[j] as number;
      state[j] = a;
    }
    this.apply(new Uint8Array(DROP));
  }

  /** Encrypts or decrypts in place. */
  apply(bytes: Uint8Array): void {
    const state = this.#state;
    const { length } = bytes;
    let i = this.#i;
    let j = this.#j;
    for (let k = 0; k < length; k++) {
      i = (i + 1) & 255;
      const a = state[i] as number;
      j = (j + a) & 255;
      const b = state[j] as number;
      state[i] = b;
      state[j] = a;
      bytes[k] = (bytes[k] as number) ^ (state[(a + b) & 255] as number);
    }
    this.#i = i;
    this.#j = j;
  }
}
