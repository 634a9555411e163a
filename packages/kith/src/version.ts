/** The version of the product, from the one package.json that carries it. */
import { readFileSync } from 'node:fs';

export function readVersion(): string {
  const value: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  if (typeof value === 'object' && value !== null && 'version' in value && typeof value.version === 'string') {
    return value.version;
  }
  throw new Error('package.json of kith has no version');
}
