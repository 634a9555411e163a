import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { makeCertificate } from '../../src/webrtc/certificate.ts';
import { fingerprintIn } from '../../src/webrtc/fingerprint.ts';

test('a certificate is signed by the key that comes with it, which is a new one each time', () => {
  const [first, second] = [makeCertificate(), makeCertificate()].map(({ certificate, key }) => {
    const x509 = new X509Certificate(certificate);
    assert.ok(x509.checkPrivateKey(createPrivateKey(key)));
    assert.ok(x509.verify(x509.publicKey));
    assert.ok(x509.checkIssued(x509));
    assert.equal(x509.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    return x509;
  });
  assert.notEqual(first?.fingerprint256, second?.fingerprint256);
  assert.notEqual(first?.serialNumber, second?.serialNumber);
});

test('a certificate is valid always, and says nothing of when it was made', () => {
  const { validFrom, validTo } = new X509Certificate(makeCertificate().certificate);
  assert.match(validFrom, /^Jan +1 00:00:00 1970/);
  assert.match(validTo, /^Dec 31 23:59:59 9999/);
});

const SHA_256 = Array.from({ length: 32 }, (_, i) => (0xa0 + i).toString(16)).join(':');

test('a fingerprint is taken where a description has one of SHA-256 and no other', () => {
  const line = `a=fingerprint:sha-256 ${SHA_256}`;
  const cases: readonly (readonly [string, string | undefined])[] = [
    [`v=0\r\n${line}\r\n`, SHA_256.toUpperCase()],
    [`v=0\n${line.replace('sha-256', 'SHA-256')}`, SHA_256.toUpperCase()],
    ['v=0\r\n', undefined],
    [`v=0\r\n${line}\r\nm=application 9\r\n${line.replace('a0', 'b0')}\r\n`, undefined],
    [`v=0\r\n${line}\r\na=fingerprint:sha-1 ${SHA_256.slice(0, 59)}\r\n`, undefined],
    [`v=0\r\na=fingerprint:sha-1 ${SHA_256}\r\n`, undefined],
    [`v=0\r\n${line}:00\r\n`, undefined],
    [`v=0\r\n${line.slice(0, -3)}\r\n`, undefined],
    [`v=0\r\na=fingerprint:sha-256\r\n`, undefined],
    [`v=0\r\na=fingerprint\r\n`, undefined],
  ];
  for (const [sdp, expected] of cases) assert.equal(fingerprintIn(sdp), expected, sdp);
});
