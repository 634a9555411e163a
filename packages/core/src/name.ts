/** Names of networks and members: one DNS label (RFC 1035 section 2.3.1, digits first allowed by RFC 1123 section 2.1). */
import { KithError } from './errors.ts';

declare const brand: unique symbol;
/** A lower-case DNS label. */
export type Label = string & { readonly [brand]: 'Label' };

/** @param what what the label names, for the error: `member name`, `network name` */
export function parseLabel(text: string, what: string): Label {
  const lower = text.toLowerCase();
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(lower)) return lower as Label;
  throw new KithError(
    'NAME_INVALID',
    `${what} ${JSON.stringify(text)} is no DNS label: use 1 to 63 letters, digits and inner hyphens`,
  );
}
