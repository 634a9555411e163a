/** What transfers carry. */
const CHUNK = 64 * 1024;

/** A stream that does not repeat, so that a lost, doubled or displaced packet shows in the hash. */
export function* content(bytes: number): Generator<Buffer> {
  for (let sent = 0, n = 0; sent < bytes; sent += CHUNK, n++) {
    const chunk = Buffer.alloc(Math.min(CHUNK, bytes - sent));
    for (let i = 0; i + 4 <= chunk.length; i += 4) chunk.writeUInt32LE(Math.imul(n * CHUNK + i, 0x9e3779b1) >>> 0, i);
    yield chunk;
  }
}
