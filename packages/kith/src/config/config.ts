/** config.yaml: read with line numbers for every complaint, written by `kith init` and `kith join`. */
import { KithError, nearest } from '@kith/core';
import type { Document } from 'yaml';
import { fileExists, readStateFile, replaceFile } from '../state/files.ts';
import { type Config, DEFAULTS, Refusal, RULES } from './schema.ts';

const KEYS = Object.keys(RULES) as (keyof Config)[];

function isKey(text: string): text is keyof Config {
  return Object.hasOwn(RULES, text);
}

function assign<Key extends keyof Config>(
  into: { -readonly [K in keyof Config]: Config[K] },
  key: Key,
  value: unknown,
): void {
  into[key] = RULES[key](value);
}

/** Aliases are refused: no setting needs one, and nested ones expand without bounds. */
function plainValues(document: Document, name: string): Map<string, unknown> {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 0 });
    return new Map(Object.entries(value ?? {}));
  } catch (cause) {
    throw new KithError('CONFIG_SYNTAX', `${name}: aliases (*name) are not allowed`, { cause });
  }
}

/**
 * @param name how the file is called in complaints
 * @throws KithError CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY, CONFIG_INVALID, each with file and line
 */
export async function parseConfig(text: string, name: string): Promise<Config> {
  const config: { -readonly [K in keyof Config]: Config[K] } = { ...DEFAULTS };
  if (/^(\s*(#.*)?\n?)*$/.test(text)) return config;
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}`;
  const [problem] = document.errors;
  if (problem !== undefined) throw new KithError('CONFIG_SYNTAX', `${at(problem.pos[0])}: ${problem.message}`);
  if (!isMap(document.contents))
    throw new KithError('CONFIG_SYNTAX', `${name}:1: there must be lines like "port: 6550"`);
  const values = plainValues(document, name);
  for (const pair of document.contents.items) {
    const keyNode = isScalar<unknown>(pair.key) ? pair.key : null;
    const key = typeof keyNode?.value === 'string' ? keyNode.value : (keyNode?.source ?? '');
    const where = at(keyNode?.range?.[0] ?? 0);
    if (!isKey(key)) {
      const guess = nearest(key, KEYS);
      const hint = guess === null ? `; the keys are ${KEYS.join(', ')}` : `, did you mean "${guess}"?`;
      throw new KithError('CONFIG_UNKNOWN_KEY', `${where}: unknown key "${key}"${hint}`);
    }
    const value = values.get(key);
    try {
      assign(config, key, value);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new KithError(
        'CONFIG_INVALID',
        `${where}: "${key}" ${JSON.stringify(value)} is not allowed: ${error.message}`,
      );
    }
  }
  return config;
}

/** The defaults if there is no such file. */
export async function readConfig(path: string): Promise<Config> {
  return fileExists(path) ? parseConfig(readStateFile(path, false), path) : DEFAULTS;
}

const HEAD = `# Settings of this node; docs/configuration.md explains each. Read at start: kith down, kith up.\n`;

/** What stands for a default that is none. */
const NONE: Readonly<Partial<Record<keyof Config, string>>> = { interface: '(from the label)', location: '(not told)' };

function render(value: Config[keyof Config]): string {
  if (typeof value === 'object' && value !== null && 'latitude' in value)
    return `[${value.latitude}, ${value.longitude}]`;
  return Array.isArray(value) ? `[${value.map((entry) => JSON.stringify(entry)).join(', ')}]` : String(value);
}

/** Writes the given keys, and the rest as comments that show the defaults. */
export function writeConfig(path: string, given: Partial<Config>): void {
  const lines = KEYS.map((key) => {
    const value = given[key];
    return value === undefined
      ? `# ${key}: ${DEFAULTS[key] === null ? NONE[key] : render(DEFAULTS[key])}`
      : `${key}: ${render(value)}`;
  });
  replaceFile(path, `${HEAD}${lines.join('\n')}\n`);
}

/** One setting from the command line, held to the same rule as in the file. @throws KithError CONFIG_INVALID */
export function checkSetting<Key extends keyof Config>(key: Key, value: unknown, option: string): Config[Key] {
  try {
    return RULES[key](value);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new KithError('CONFIG_INVALID', `${option} ${JSON.stringify(value)} is not allowed: ${error.message}`);
  }
}
