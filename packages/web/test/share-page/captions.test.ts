import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { captionText, toVtt } from '../../src/share/captions.ts';

const CASES: readonly [what: string, srt: string, vtt: string][] = [
  ['numbers are left out', '1\n00:00:01,000 --> 00:00:02,500\nOne\n', '00:00:01.000 --> 00:00:02.500\nOne'],
  [
    'lines of Windows',
    '1\r\n00:00:01,000 --> 00:00:02,500\r\nOne\r\ntwo\r\n',
    '00:00:01.000 --> 00:00:02.500\nOne\ntwo',
  ],
  ['short times', '0:0:1,5 --> 0:0:2.25\nOne\n', '00:00:01.500 --> 00:00:02.250\nOne'],
  ['places on the screen', '00:00:01,000 --> 00:00:02,000 X1:0 X2:9\nOne', '00:00:01.000 --> 00:00:02.000\nOne'],
  ['an arrow in what is said', '00:00:01,000 --> 00:00:02,000\nA --> B', '00:00:01.000 --> 00:00:02.000\nA → B'],
  [
    'a cue without words',
    '1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\nB',
    '00:00:03.000 --> 00:00:04.000\nB',
  ],
  ['no captions at all', 'Dear Sir,\n\nI write to you', ''],
];

for (const [what, srt, vtt] of CASES) {
  test(`SubRip as WebVTT: ${what}`, () => assert.equal(toVtt(srt), `WEBVTT\n\n${vtt}\n`));
}

test('WebVTT stays what it is', () => {
  assert.equal(toVtt('\uFEFFWEBVTT\n\n00:00.000 --> 00:01.000\nA'), 'WEBVTT\n\n00:00.000 --> 00:01.000\nA');
});

test('old files in the code page of Windows are read, and those in UTF-8 as such', () => {
  assert.equal(captionText(Uint8Array.of(0x47, 0x72, 0xfc, 0xdf, 0x65)), 'Grüße');
  assert.equal(captionText(new TextEncoder().encode('Grüße')), 'Grüße');
});

test('whatever is in a file, what comes out is WebVTT whose cues have times of their own lines', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('0', ':', ',', '1', ' --> ', '\n', '\r', 'a', '-->') }), (text) => {
      const vtt = toVtt(text);
      assert.ok(vtt.startsWith('WEBVTT\n'));
      for (const line of vtt.split('\n')) {
        if (line.includes('-->')) assert.match(line, /^\d{2,3}:\d\d:\d\d\.\d{3} --> \d{2,3}:\d\d:\d\d\.\d{3}$/);
      }
    }),
  );
});
