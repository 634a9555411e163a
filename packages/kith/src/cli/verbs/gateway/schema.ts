/** `kith gateway schema`: the JSON Schema of the file, for editors. */
import { jsonSchema } from '@kith/gateway';
import type { Result } from '../../output.ts';

export function schema(): Result {
  const json = jsonSchema();
  return { json, text: JSON.stringify(json, null, 2) };
}
