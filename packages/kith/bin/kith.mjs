#!/usr/bin/env node
// Starts kith with a Node that can run it: this one, or the one that the workspace's packages bring along.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LEAST = [22, 18];
const here = dirname(fileURLToPath(import.meta.url));
const version = process.versions.node.split('.').map(Number);

function findNode() {
  for (let folder = here; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', '.bin', 'node');
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return null;
  }
}

/** Whether no source is younger than the build. An installed kith has no sources, a fresh checkout no build. */
function isBuilt() {
  const packages = join(here, '..', '..');
  if (!existsSync(join(here, '..', 'src', 'main.ts'))) return true;
  for (const name of ['core', 'wireguard', 'mesh', 'api', 'dataplane', 'torrent', 'share', 'gateway', 'host', 'kith']) {
    const record = join(packages, name, 'dist', '.tsbuildinfo');
    if (!existsSync(record)) return false;
    const built = statSync(record).mtimeMs;
    const source = join(packages, name, 'src');
    for (const entry of readdirSync(source, { recursive: true })) {
      if (statSync(join(source, entry)).mtimeMs > built) return false;
    }
  }
  return true;
}

if (version[0] < LEAST[0] || (version[0] === LEAST[0] && version[1] < LEAST[1])) {
  const node = process.env.KITH_NODE_FOUND === undefined ? findNode() : null;
  if (node === null) {
    console.error(`kith: Node ${process.versions.node} is too old, kith needs ${LEAST.join('.')} or newer`);
    console.error('      Install it from https://nodejs.org, or run `npm install` in the folder of kith.');
    process.exit(1);
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, KITH_NODE_FOUND: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`kith: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
} else {
  delete process.env.KITH_NODE_FOUND;
  const built = isBuilt();
  if (!built) {
    // In this very process, without a second one for the flag: a daemon in the foreground gets its signals itself.
    module.registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...new Set([...context.conditions, 'source'])] }),
    });
  }
  const { main } = await import(built ? '../dist/main.js' : '../src/main.ts');
  await main(process.argv.slice(2));
}
