/** By what a side of WebRTC is known: the SHA-256 of its certificate (RFC 8122, section 5), which it has to own in DTLS. */

const FORM = /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/;

/** What a description says of its side. Undefined where it says none, several, or one of another kind. */
export function fingerprintIn(sdp: string): string | undefined {
  const lines = sdp.split(/\r?\n/).filter((line) => /^a=fingerprint\b/i.test(line));
  const [algorithm = '', value = ''] = lines[0]?.slice('a=fingerprint:'.length).split(' ') ?? [];
  return lines.length === 1 ? fingerprint(algorithm, value) : undefined;
}

/** The same fingerprint is the same text. Undefined where it is none of SHA-256. */
export function fingerprint(algorithm: string, value: string): string | undefined {
  const text = value.toUpperCase();
  return algorithm.toLowerCase() === 'sha-256' && FORM.test(text) ? text : undefined;
}
