import { KithError } from '@kith/core';
import type { Result } from '../../output.ts';

export function usage(): Result {
  throw new KithError('USAGE', 'which verb of the gateway? "kith gateway --help" lists them');
}
