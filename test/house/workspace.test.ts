import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { filesIn, read, root } from './scan.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly workspaces?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface LockEntry {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly integrity?: string;
}

function manifest(path: string): Manifest {
  return JSON.parse(read(path));
}

/** The manifests of the root and of all workspaces. */
function manifests(): Map<string, Manifest> {
  const folders = (manifest('package.json').workspaces ?? []).flatMap((pattern) =>
    pattern.endsWith('/*')
      ? readdirSync(join(root, pattern.slice(0, -2))).map((name) => `${pattern.slice(0, -1)}${name}`)
      : [pattern],
  );
  return new Map(['package.json', ...folders.map((folder) => `${folder}/package.json`)].map((p) => [p, manifest(p)]));
}

/** `npm test` and `npm run <script>` as they stand in the code of a Markdown text. */
function npmCommands(text: string): string[] {
  const code = [...text.matchAll(/```[^]*?```|`[^`\n]+`/g)].map((match) => match[0]).join('\n');
  return [...code.matchAll(/\bnpm (?:run ([\w:.-]+)|(test)\b)/g)].map((match) => match[1] ?? match[2] ?? '');
}

/** Targets of relative links and pictures, without their anchors. */
function relativeLinks(text: string): string[] {
  const prose = text.replace(/```[^]*?```/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)].map(
    (m) => m[1] ?? m[2] ?? '',
  );
  return targets.filter((target) => !/^(?:[a-z]+:|#)/.test(target)).map((target) => target.replace(/#.*/, ''));
}

test('all workspaces carry one version and one licence', () => {
  const all = [...manifests().values()];
  assert.ok(all.length > 5);
  assert.equal(new Set(all.map(({ version, license }) => `${version} ${license}`)).size, 1);
});

test('workspaces ask for one another in exactly that version', () => {
  const all = manifests();
  const version = manifest('package.json').version;
  const names = new Set([...all.values()].map(({ name }) => name));
  for (const [path, { dependencies, devDependencies }] of all) {
    for (const [name, wanted] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (names.has(name)) assert.equal(wanted, version, `${path} asks for ${name} ${wanted}`);
    }
  }
});

test('the lock file names no server, and a checksum for every package', () => {
  const entries: Record<string, LockEntry> = JSON.parse(read('package-lock.json')).packages;
  const wrong = Object.entries(entries).filter(
    ([path, { resolved, link, integrity }]) =>
      path.includes('node_modules/') &&
      (link === true ? /:/.test(resolved ?? '') : resolved !== undefined || !integrity),
  );
  assert.deepEqual(wrong, []);
});

test('the check of commands sees them in code and not in prose', () => {
  assert.deepEqual(npmCommands('```sh\nnpm test -- x\n```\nRun `npm run a:b` or npm run c.'), ['test', 'a:b']);
});

test('every npm command in README, CONTRIBUTING and docs exists', () => {
  const scripts = manifest('package.json').scripts ?? {};
  for (const path of filesIn('', '.md')) {
    for (const command of npmCommands(read(path))) {
      assert.ok(command in scripts, `${path} says "npm run ${command}", package.json has no such script`);
    }
  }
});

test('every file that a script of package.json names is there', () => {
  for (const [name, line] of Object.entries(manifest('package.json').scripts ?? {})) {
    for (const word of line.split(' ').filter((part) => /\.(?:mjs|ts|json)$/.test(part))) {
      assert.ok(existsSync(join(root, word)), `script "${name}" names ${word}`);
    }
  }
});

test('every relative link in the documents leads to a file', () => {
  assert.deepEqual(relativeLinks('[a](b.md#c) ![d](e.svg) [f](https://g) [h](#i)'), ['b.md', 'e.svg']);
  const broken = filesIn('', '.md').flatMap((path) =>
    relativeLinks(read(path))
      .filter((target) => !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

/** What commands make, and git is told to pass over: it is there only after them. */
const MADE = read('.gitignore')
  .split('\n')
  .filter((line) => /^[\w-]+\/$/.test(line));

test('every path of the house that a document shows as code is there, or made by a command', () => {
  const made = (shown: string): boolean => MADE.some((folder) => `${shown}/`.includes(`/${folder}`));
  const paths = /`((?:packages|lab|bench|test|docs|scripts|\.ci)\/[\w./-]+)`/g;
  const gone = filesIn('', '.md').flatMap((path) =>
    [...read(path).matchAll(paths)]
      .map((match) => match[1] ?? '')
      .filter((shown) => !existsSync(join(root, shown)) && !made(shown))
      .map((shown) => `${path}: ${shown}`),
  );
  assert.deepEqual(gone, []);
});

test('the file that continuous integration runs is executable', () => {
  assert.ok((statSync(join(root, '.ci/run')).mode & 0o111) !== 0);
});
