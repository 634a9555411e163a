import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LOOPBACK_ONLY } from '../../src/index.ts';
import { permitted } from '../../src/webrtc/candidates.ts';

const candidate = (address: string, more = 'typ host', transport = 'UDP'): string =>
  `a=candidate:1 1 ${transport} 2114977791 ${address} 46594 ${more}`;

function sdp(...candidates: readonly string[]): string {
  return [
    'v=0',
    'o=- 1 0 IN IP4 0.0.0.0',
    'm=application 46594 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 192.168.7.9',
  ]
    .concat(candidates, 'a=end-of-candidates', '')
    .join('\r\n');
}

const kept = (text: string): string[] =>
  (permitted(text, LOOPBACK_ONLY) ?? '').split('\r\n').filter((line) => line.startsWith('a=candidate:'));

test('of the candidates only those stay that may be talked to', () => {
  const inside = [candidate('127.0.0.1'), candidate('::1')];
  const outside = [candidate('192.168.7.9'), candidate('8.8.8.8'), candidate('2001:db8::1')];
  assert.deepEqual(kept(sdp(...outside, ...inside)), inside);
});

test('names are never looked up, and TCP is not offered', () => {
  const names = ['4d7a0e6c-0000-4000-8000-000000000000.local', 'example.org', 'localhost', '127.0.0.1.', ''];
  assert.deepEqual(kept(sdp(...names.map((name) => candidate(name)))), []);
  assert.deepEqual(kept(sdp(candidate('127.0.0.1', 'typ host tcptype active', 'TCP'))), []);
});

test('no address of this machine is told but as a candidate', () => {
  const text = permitted(sdp(candidate('127.0.0.1', 'typ srflx raddr 192.168.7.9 rport 46594')), LOOPBACK_ONLY) ?? '';
  assert.ok(!text.includes('192.168.7.9'), text);
  assert.match(text, /^m=application 9 /m);
  assert.match(text, /raddr 0\.0\.0\.0 rport 0/);
});

test('a flood of candidates is cut, and what is no description is refused', () => {
  assert.equal(kept(sdp(...Array.from({ length: 100 }, () => candidate('127.0.0.1')))).length, 32);
  assert.equal(permitted('hello', LOOPBACK_ONLY), undefined);
  assert.equal(permitted(sdp('x'.repeat(20_000)), LOOPBACK_ONLY), undefined);
});

test('whatever a stranger writes, nothing outside is left in it', () => {
  const field = fc.oneof(
    fc.ipV4(),
    fc.constantFrom('UDP', 'typ', 'host', 'raddr', '8.8.8.8', '1', 'a.local'),
    fc.string(),
  );
  const line = fc.array(field, { maxLength: 12 }).map((fields) => `a=candidate:${fields.join(' ')}`);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      for (const each of kept(sdp(...lines))) assert.match(each.split(' ')[4] ?? '', /^(127\.|::1$)/);
    }),
  );
});
