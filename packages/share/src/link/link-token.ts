/** The secret part of a share's link: it opens that share and tells nothing about others. */
import { createHmac } from 'node:crypto';

/** @param secret of this node @returns 22 letters, digits, `-` and `_` */
export function linkToken(secret: string, id: string): string {
  return createHmac('sha256', secret).update(`kith link\0${id}`).digest().subarray(0, 16).toString('base64url');
}
