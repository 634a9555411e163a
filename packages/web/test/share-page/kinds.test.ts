import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SharedFile } from '../../src/engine/messages.ts';
import { captionsOf, firstToShow, kindOf } from '../../src/share/kinds.ts';

function file(path: string, type: string, length = 1): SharedFile {
  return { number: 0, path, length, type, url: '' };
}

const film = file('a/Film.2024.mkv', 'video/x-matroska', 9);

test('captions belong to the film whose name they begin with', () => {
  const names = [
    'a/Film.2024.srt',
    'a/Film.2024.en.srt',
    'a/Film.2024_de.VTT',
    'a/Film.srt',
    'b/Film.2024.srt',
    'a/Film.2024b.srt',
  ];
  const found = captionsOf(film, [film, ...names.map((name) => file(name, 'text/plain'))]);
  assert.deepEqual(
    found.map((each) => [each.file.path, each.label]),
    [
      ['a/Film.2024.srt', 'captions'],
      ['a/Film.2024.en.srt', 'en'],
      ['a/Film.2024_de.VTT', 'de'],
    ],
  );
});

test('the page opens with the largest film, or else with a sound, or a picture', () => {
  const [song, photo, text] = [file('s.mp3', 'audio/mpeg'), file('p.png', 'image/png'), file('t.txt', 'text/plain')];
  assert.equal(firstToShow([text, photo, song, file('x.mp4', 'video/mp4'), film]), film);
  assert.equal(firstToShow([text, photo, song]), song);
  assert.equal(firstToShow([text, photo]), photo);
  assert.equal(firstToShow([text]), undefined);
});

test('what may carry scripts is never shown', () => {
  for (const type of [
    'text/html',
    'image/svg+xml',
    'application/xhtml+xml',
    'application/xml',
    'application/octet-stream',
  ]) {
    assert.equal(kindOf(file('x', type)), 'other', type);
  }
});
