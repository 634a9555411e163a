import assert from 'node:assert/strict';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { blank, filesIn, importsOf, packageNames, placesOf, read } from './scan.ts';

/** Which parts of the house a part may use. `tests` of a package may use any of them. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'packages/core': [],
  'packages/wireguard': ['core'],
  'packages/mesh': ['core', 'wireguard'],
  'packages/sim': ['core'],
  'packages/api': ['core', 'mesh'],
  'packages/torrent': ['core'],
  'packages/share': ['core', 'torrent'],
  'packages/gateway': ['core'],
  'packages/host': ['core', 'gateway'],
  'packages/web': ['core', 'api', 'torrent'],
  'packages/dataplane': ['core', 'wireguard', 'mesh'],
  'packages/kith': ['core', 'api', 'wireguard', 'mesh', 'dataplane', 'torrent', 'share', 'gateway', 'host'],
  lab: ['core'],
};

const PURE = ['core', 'api', 'wireguard', 'mesh', 'sim', 'torrent', 'gateway'];

/** What breaks the arrows in one file of the part `home`. */
function strayImports(home: string, path: string, source: string): string[] {
  const allowed = ARROWS[home] ?? [];
  return importsOf(source).filter((specifier) => {
    if (specifier.startsWith('.')) return !join(dirname(path), specifier).startsWith(`${home}/`);
    if (specifier === 'kith' || specifier.startsWith('kith/')) return true;
    if (!specifier.startsWith('@kith/')) return false;
    return !allowed.includes(specifier.slice('@kith/'.length));
  });
}

function impurities(path: string, source: string): string[] {
  const imports = importsOf(source).filter((specifier) => isBuiltin(specifier));
  const globals = /(?<![.\w])(?:Date\b|globalThis\b|Math\s*\.\s*random\b|Atomics\s*\.\s*wait|Intl\s*\.\s*DateTime)/g;
  return [
    ...imports.map((name) => `${path} ${name}`),
    ...placesOf(path, blank(source, 'comments and strings'), globals),
  ];
}

/** Source files of a part: those of src in a package, all but the tests elsewhere. */
function sourcesOf(home: string): string[] {
  return filesIn(home, '.ts').filter((path) =>
    home.startsWith('packages/') ? path.startsWith(`${home}/src/`) : !path.startsWith(`${home}/test/`),
  );
}

test('the check of the arrows sees a wrong one', () => {
  const path = 'packages/wireguard/src/noise.ts';
  assert.deepEqual(strayImports('packages/wireguard', path, "import type { Path } from '@kith/mesh';"), ['@kith/mesh']);
  assert.deepEqual(strayImports('packages/wireguard', path, "import { up } from 'kith';"), ['kith']);
  const around = '../../mesh/src/plane.ts';
  assert.deepEqual(strayImports('packages/wireguard', path, `export * from '${around}';`), [around]);
  assert.deepEqual(
    strayImports('packages/wireguard', path, "import { x } from './a.ts'; import { y } from '@kith/core';"),
    [],
  );
});

test('the check of purity sees a clock, randomness and a module of Node', () => {
  assert.deepEqual(impurities('x.ts', "import 'node:fs';\nimport 'net';"), ['x.ts node:fs', 'x.ts net']);
  assert.deepEqual(impurities('x.ts', 'a(Date.now());\nb(Math.random());'), ['x.ts:1 Date', 'x.ts:2 Math.random']);
  assert.deepEqual(impurities('x.ts', "// Date\nconst a = 'Date'; ledger.Date; toDate();"), []);
});

test('every package has its place in the order of the house', () => {
  assert.deepEqual(
    packageNames().filter((name) => !(`packages/${name}` in ARROWS)),
    [],
  );
});

for (const home of Object.keys(ARROWS)) {
  test(`${home} imports only what stands before it and nothing around another's entry file`, () => {
    const stray = sourcesOf(home).flatMap((path) =>
      strayImports(home, path, read(path)).map((specifier) => `${path}: ${specifier}`),
    );
    assert.deepEqual(stray, []);
  });
}

for (const name of PURE) {
  test(`${name} is pure: no module of Node, no clock, no randomness`, () => {
    const sources = sourcesOf(`packages/${name}`);
    assert.ok(sources.length > 0);
    assert.deepEqual(
      sources.flatMap((path) => impurities(path, read(path))),
      [],
    );
  });

  test(`${name} compiles without the types of any platform`, () => {
    const own = JSON.parse(read(`packages/${name}/tsconfig.json`));
    assert.equal(own.extends, '../../tsconfig.base.json');
    assert.equal('types' in own.compilerOptions || 'lib' in own.compilerOptions, false);
    const base = JSON.parse(read('tsconfig.base.json')).compilerOptions;
    assert.deepEqual([base.types, base.lib], [[], ['es2023']]);
    const references = [...sourcesOf(`packages/${name}`)].flatMap((path) =>
      placesOf(path, read(path), /^\/\/\/\s*<reference.*/gm),
    );
    assert.deepEqual(references, []);
  });
}
