/** Which sources the native addon has, as one hash: by it a build or a prebuilt addon is known to be of today. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const NOT_SOURCES = ['node_modules', 'build', 'dist', 'prebuilds'];

export function hashOfSources(folder) {
  const hash = createHash('sha256');
  for (const file of sourcesIn(folder)) hash.update(relative(folder, file)).update('\0').update(readFileSync(file));
  return hash.digest('hex');
}

function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return NOT_SOURCES.includes(entry.name) ? [] : sourcesIn(path);
      return /\.(gyp|gypi|c|cc|cpp|h|hpp)$/.test(entry.name) ? [path] : [];
    });
}
