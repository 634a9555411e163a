/** Chunks as messages of at most `most` bytes: small ones together, large ones cut. Each has its memory to itself. */
export function packed(chunks: readonly Uint8Array[], most: number): Uint8Array<ArrayBuffer>[] {
  let left = 0;
  for (const chunk of chunks) left += chunk.length;
  const messages: Uint8Array<ArrayBuffer>[] = [];
  let message = new Uint8Array(Math.min(left, most));
  let at = 0;
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length;) {
      const length = Math.min(chunk.length - from, message.length - at);
      message.set(chunk.subarray(from, from + length), at);
      from += length;
      at += length;
      left -= length;
      if (at < message.length) continue;
      messages.push(message);
      message = new Uint8Array(Math.min(left, most));
      at = 0;
    }
  }
  return messages;
}
