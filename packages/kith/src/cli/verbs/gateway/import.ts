/** `kith gateway import`: a file from the site.conf that a community has already. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KithError } from '@kith/core';
import { importSite, readGatewayFile, type SiteSource } from '@kith/gateway';
import { readText, writeNew } from '../../../gateway/file.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import { fileExists, replaceFile, stateError } from '../../../state/files.ts';
import type { Context } from '../../context.ts';
import type { Result } from '../../output.ts';
import { defaultExit } from './init.ts';

export interface ImportOptions {
  readonly clients: readonly string[];
  readonly exit: string | undefined;
  readonly file: string | undefined;
  readonly force: boolean;
}

export function importVerb(_context: Context, site: string, options: ImportOptions): Result {
  const exit = options.exit ?? defaultExit();
  if (exit === undefined)
    throw new KithError('USAGE', 'this machine has no way to the internet by itself: name one with --exit INTERFACE');
  const { main, domains } = sourcesIn(site);
  const { yaml, seeds, unused } = importSite(main, domains, { exit, clients: options.clients });
  const file = options.file ?? 'kith.yaml';
  readGatewayFile(yaml, file);
  const seedFile = join(gatewayFolders().state, 'seeds.json');
  const kept = Object.keys(seeds).length > 0;
  if (kept && fileExists(seedFile) && !options.force)
    throw new KithError(
      'GATEWAY_FILE_EXISTS',
      `${seedFile} holds seeds already, those of the site would take their place`,
    );
  writeNew(file, yaml, options.force);
  if (kept) keepSeeds(seedFile, seeds);
  return {
    json: { file, seeds: kept ? seedFile : null, domains: Object.keys(seeds), unused },
    text: [
      `wrote ${file}: look at it with "kith gateway plan"`,
      ...(kept
        ? [`wrote ${seedFile}: every gateway of the community needs the same, without them no router finds its mesh`]
        : []),
      ...(unused.length === 0 ? [] : [`the site has more, for which kith has no key: ${unused.join(', ')}`]),
    ].join('\n'),
  };
}

function keepSeeds(path: string, seeds: Readonly<Record<string, string>>): void {
  try {
    mkdirSync(gatewayFolders().state, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw stateError(error, path, 'write');
  }
  replaceFile(path, `${JSON.stringify(seeds, null, 2)}\n`);
}

/** The site itself, and the domains beside it where a folder was named. */
function sourcesIn(path: string): { readonly main: SiteSource; readonly domains: readonly SiteSource[] } {
  const source = (name: string): SiteSource => ({ name, text: readText(name) });
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return { main: source(path), domains: [] };
  const folder = join(path, 'domains');
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  const names = isFolder
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.conf'))
        .toSorted()
    : [];
  return { main: source(join(path, 'site.conf')), domains: names.map((name) => source(join(folder, name))) };
}
