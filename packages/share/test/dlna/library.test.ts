import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDidl } from '../../src/dlna/didl.ts';
import { MediaLibrary, type MediaObject, type MediaShare } from '../../src/dlna/library.ts';
import { parseXml } from '../../src/dlna/xml.ts';
import { MemoryFile } from '../link/memory-file.ts';

interface Scene {
  readonly library: MediaLibrary;
  readonly shares: MediaShare[];
  /** Goes on so far that the library looks again. */
  readonly pass: () => void;
}

function scene(...shares: MediaShare[]): Scene {
  let now = 0;
  return {
    library: new MediaLibrary(
      () => shares,
      () => now,
    ),
    shares,
    pass: () => void (now += 10_000),
  };
}

function shareOf(
  key: string,
  name: string,
  paths: readonly string[],
  unwanted: ReadonlySet<string> = new Set(),
): MediaShare {
  const files = paths.map((path) => new MemoryFile(path, new Uint8Array(10)));
  return { key, name, files, offered: () => paths.map((path) => !unwanted.has(path)) };
}

/** Titles below an object, folders with what is in them. */
function titles(library: MediaLibrary, id = '0'): unknown[] {
  const object = library.object(id);
  assert.equal(object?.kind, 'container');
  return object.children.map((each) => (each.kind === 'item' ? each.title : [each.title, ...titles(library, each.id)]));
}

describe('the library', () => {
  it('has films, music and pictures in their folders, as people count, and nothing else', () => {
    const paths = ['s/e10.mkv', 's/e2.mkv', 's/notes.txt', 's/extra/cover.jpg', 's/extra/page.svg', 's/song.flac'];
    const { library } = scene(shareOf('k', 's', paths), shareOf('l', 'book', ['book.pdf']));
    assert.deepEqual(titles(library), [['s', ['extra', 'cover.jpg'], 'e2.mkv', 'e10.mkv', 'song.flac']]);
    assert.equal(library.size, 4);
  });

  it('shows a share of one film as the film', () => {
    assert.deepEqual(titles(scene(shareOf('k', 'a.mp4', ['a.mp4'])).library), ['a.mp4']);
  });

  it('keeps files that are not all in one folder in the folder of their share', () => {
    const { library } = scene(shareOf('k', 'both', ['a/x.mp3', 'b/y.mp3', 'z.mp3']));
    assert.deepEqual(titles(library), [['both', ['a', 'x.mp3'], ['b', 'y.mp3'], 'z.mp3']]);
  });

  it('gives no file that is not offered, neither by its name nor by its place', () => {
    const { library } = scene(shareOf('k', 's', ['s/a.mp4', 's/b.mp4', 's/c.txt'], new Set(['s/b.mp4'])));
    assert.deepEqual(titles(library), [['s', 'a.mp4']]);
    assert.equal(library.source('k', 0)?.file.name, 's/a.mp4');
    for (const number of [1, 2, 3]) assert.equal(library.source('k', number), undefined);
    assert.equal(library.source('l', 0), undefined);
  });

  it('finds the subtitles beside a film, the plain ones before those of a language', () => {
    const paths = ['s/a.mkv', 's/a.de.srt', 's/a.srt', 's/b.mkv', 's/b.en.srt', 's/t/b.srt', 's/c.mkv', 's/a.flac'];
    const { library } = scene(shareOf('k', 's', paths));
    const beside = (number: number): string | undefined => {
      const source = library.source('k', number);
      assert.ok(source);
      return library.subtitles(source)?.file.name;
    };
    assert.deepEqual([0, 3, 6, 7].map(beside), ['s/a.srt', 's/b.en.srt', undefined, undefined]);
    assert.equal(library.source('k', 5), undefined, 'subtitles of nothing');
  });

  it('counts every change, and none where there is none', () => {
    const { library, shares, pass } = scene(shareOf('k', 'a.mp4', ['a.mp4']));
    const first = library.update;
    pass();
    assert.equal(library.update, first);
    shares.push(shareOf('l', 'b.mp4', ['b.mp4']));
    pass();
    assert.equal(library.update, first + 1);
    assert.deepEqual(titles(library), ['a.mp4', 'b.mp4']);
    shares.shift();
    library.changed();
    assert.deepEqual(titles(library), ['b.mp4']);
    assert.equal(library.object('k:0'), undefined);
  });

  it('of any names is a tree in which every object names its parent, and XML that can be read', () => {
    const part = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), fc.constantFrom('a', 'b<&">'));
    const path = fc.array(
      part.filter((text) => !text.includes('/')),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 12 }), (paths) => {
        const { library } = scene(
          shareOf(
            'k',
            'any',
            paths.map((parts) => `${parts.join('/')}.mp4`),
          ),
        );
        const seen: MediaObject[] = [];
        const walk = (object: MediaObject | undefined): void => {
          if (object?.kind !== 'container') return;
          for (const child of object.children) {
            assert.equal(child.parent, object.id);
            assert.equal(library.object(child.id), child);
            seen.push(child);
            walk(child);
          }
        };
        walk(library.object('0'));
        assert.equal(seen.filter(({ kind }) => kind === 'item').length, paths.length);
        assert.equal(parseXml(formatDidl(seen.slice(0, 20), 'http://h'))?.children.length, Math.min(20, seen.length));
      }),
    );
  });
});
