import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRORS } from '@kith/core';
import { filesIn, read, root } from './scan.ts';

const PROGRAMS = filesIn('packages/kith/src/cli', 'program.ts');

/** The verbs of `kith …` that a text shows as code. */
function verbsShown(text: string): string[] {
  const code = [...text.matchAll(/```[^]*?```|`[^`\n]+`/g)].map((match) => match[0]).join('\n');
  return [...code.matchAll(/(?:^|[`$#>] ?|sudo )kith ((?:--?[a-z]+ [A-Z]+ )*)([a-z]+)\b/gm)].map(
    (match) => match[2] ?? '',
  );
}

/** The verbs that the command line has. */
function verbsOffered(): Set<string> {
  const names = [
    ...PROGRAMS.map(read)
      .join('\n')
      .matchAll(/\b(?:add|helpCommand)\(\s*'([a-z]+)/g),
  ].map((match) => match[1] ?? '');
  return new Set(names);
}

test('the check of verbs sees them in code and not in prose', () => {
  assert.deepEqual(verbsShown('kith is. `kith up` and `kith -n HOME status`\n```\nhost# kith join x\n```'), [
    'up',
    'status',
    'join',
  ]);
});

test('every verb that a document or an advice names is one of the command line', () => {
  const offered = verbsOffered();
  assert.ok(offered.size > 10);
  const texts = new Map(filesIn('', '.md').map((path) => [path, read(path)]));
  for (const [code, { advice }] of Object.entries(ERRORS)) texts.set(code, advice);
  const unknown = [...texts].flatMap(([where, text]) =>
    verbsShown(text)
      .filter((verb) => !offered.has(verb))
      .map((verb) => `${where}: kith ${verb}`),
  );
  assert.deepEqual(unknown, []);
});

test('every document that the code sends a person to is there', () => {
  const gone = ['packages', 'lab', 'bench'].flatMap((folder) =>
    filesIn(folder, '.ts', '.mjs').flatMap((path) =>
      [...read(path).matchAll(/\bdocs\/[\w/-]+\.md\b/g)]
        .filter((match) => !existsSync(join(root, match[0])))
        .map((match) => `${path}: ${match[0]}`),
    ),
  );
  assert.deepEqual(gone, []);
});
