/**
 * A copy of the packages that the addon's tests need, with the prebuilt addons and nothing that was built here. Types are
 * stripped, so that a Node which cannot do that itself runs it: there is none newer than 20 for ARMv7 in npm.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PREBUILDS } from './build.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGES = ['core', 'wireguard', 'mesh', 'dataplane'];

/** Has an older Node take the stripped files for what they are, and find what its `node:crypto` does not have yet. */
const HOOK = `
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
const crypto = new URL('crypto.mjs', import.meta.url).href;
if (isMainThread && !process.features.typescript) register(import.meta.url);
export function resolve(specifier, context, next) {
  if (specifier !== 'node:crypto' || context.parentURL === crypto) return next(specifier, context);
  return { url: crypto, shortCircuit: true };
}
export function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  return { format: 'module', source: readFileSync(fileURLToPath(url), 'utf8'), shortCircuit: true };
}
`;
const CRYPTO = `
import { createHash } from 'node:crypto';
export * from 'node:crypto';
export const hash = (name, bytes, encoding) => {
  const digest = createHash(name).update(bytes).digest();
  return encoding === 'buffer' ? digest : digest.toString(encoding ?? 'hex');
};
`;

/** @returns the folder; its caller removes it */
export function stage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kith-stage-'));
  mkdirSync(join(folder, 'node_modules', '@kith'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name.startsWith('.') || name === '@kith') continue;
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  for (const name of PACKAGES) {
    const [from, to] = [join(ROOT, 'packages', name), join(folder, 'packages', name)];
    for (const part of ['src', ...(name === 'dataplane' ? ['test'] : [])]) strip(join(from, part), join(to, part));
    cpSync(join(from, 'package.json'), join(to, 'package.json'));
    symlinkSync(to, join(folder, 'node_modules', '@kith', name));
  }
  cpSync(PREBUILDS, join(folder, 'packages', 'dataplane', 'prebuilds'), { recursive: true });
  writeFileSync(join(folder, 'hook.mjs'), HOOK);
  writeFileSync(join(folder, 'crypto.mjs'), CRYPTO);
  return folder;
}

function strip(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.ts') || !statSync(join(from, entry)).isFile()) continue;
    mkdirSync(dirname(join(to, entry)), { recursive: true });
    writeFileSync(join(to, entry), stripTypeScriptTypes(readFileSync(join(from, entry), 'utf8')));
  }
}
