/**
 * UTF-8 to text without the platform's TextDecoder. What is malformed becomes U+FFFD, one for each maximal part of a
 * sequence, as the Encoding Standard says (section 8.1.1), so that text is equal on every platform.
 */
const REPLACEMENT = 0xfffd;

/** Never throws. A byte order mark is kept. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const point = pointAt(bytes, at);
    text += String.fromCodePoint(point < 0 ? REPLACEMENT : point);
    at += point < 0 ? -point : lengthOf(point);
  }
  return text;
}

function lengthOf(point: number): number {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/** The code point that begins at `at`, or minus the number of bytes that one replacement character stands for. */
function pointAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return first;
  if (first < 0xc2 || first > 0xf4) return -1;
  const needed = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  let point = first & (0x3f >> needed);
  for (let i = 1; i <= needed; i++) {
    const byte = bytes[at + i] ?? 0;
    // Overlong forms, surrogates and what lies beyond U+10FFFF are told by the second byte (Unicode, table 3-7).
    const lowest = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const highest = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < lowest || byte > highest) return -i;
    point = (point << 6) | (byte & 0x3f);
  }
  return point;
}
