/** Whether tests of the native addon can run here. */
import { loadNative } from '../src/native.ts';

/** Where everything has to run, nothing is skipped: in CI, and where the native plane was asked for. */
const strict: boolean = process.env['CI'] === 'true' || process.env['KITH_PLANE'] === 'native';

/** For `skip`: `reason` as it is, false where a test has to fail instead. */
export function unlessStrict(reason: string | null): string | false {
  return reason === null || strict ? false : reason;
}

const loaded = loadNative();

/** For `skip` of whatever needs the addon. */
export const missing: string | false = unlessStrict(
  loaded.native === null ? `the native addon does not load: ${loaded.reason} (npm run setup)` : null,
);
