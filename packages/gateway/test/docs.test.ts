import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { jsonSchema, readGatewayFile } from '@kith/gateway';

const page = readFileSync(new URL('../../../docs/gateway.md', import.meta.url), 'utf8');

/** Every key that the schema knows at any depth. */
function keysIn(schema: unknown, into: Set<string> = new Set()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return into;
  for (const [name, below] of Object.entries(schema)) {
    if (name === 'properties' && typeof below === 'object' && below !== null)
      Object.keys(below).forEach((key) => into.add(key));
    keysIn(below, into);
  }
  return into;
}

test('every example of the page is a file that is read', () => {
  const examples = [...page.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1] ?? '');
  assert.equal(examples.length, 2);
  for (const example of examples) readGatewayFile(example, 'docs/gateway.md');
});

test('the page names every key of the file', () => {
  const words = new Set(page.match(/[a-z][a-z0-9_]+/g));
  assert.deepEqual(
    [...keysIn(jsonSchema())].filter((key) => !words.has(key)),
    [],
  );
});
