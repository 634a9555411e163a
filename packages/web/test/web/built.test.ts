import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

for (const page of ['index', 'share']) {
  test(`the built ${page}.html loads nothing from elsewhere and runs nothing inline`, () => {
    const html = readFileSync(new URL(`../../dist/${page}.html`, import.meta.url), 'utf8');
    const sources = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1] ?? '');
    assert.ok(sources.length > 0);
    assert.deepEqual(
      sources.filter((source) => !source.startsWith('./')),
      [],
    );
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\bon[a-z]+=/);
  });
}
