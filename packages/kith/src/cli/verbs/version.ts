import { readVersion } from '../../version.ts';
import type { Result } from '../output.ts';

export function version(): Result {
  const value = readVersion();
  return {
    json: { version: value, node: process.versions.node },
    text: `kith ${value} (node ${process.versions.node})`,
  };
}
