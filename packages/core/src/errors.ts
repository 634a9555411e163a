/**
 * The registry of errors that a person may see: stable code → what it means and what to do. docs/errors.md lists the
 * same codes; a test holds registry, page and throw sites together. A message names the thing, the value and the next
 * step; the registry's `advice` is shown below it.
 */
import { COMMON_ERRORS, type CommonCode } from './errors/common.ts';
import type { ErrorEntry } from './errors/entry.ts';
import { FACE_ERRORS, type FaceCode } from './errors/face.ts';
import { GATEWAY_ERRORS, type GatewayCode } from './errors/gateway.ts';
import { MESH_ERRORS, type MeshCode } from './errors/mesh.ts';
import { SHARE_ERRORS, type ShareCode } from './errors/share.ts';

export type { ErrorEntry } from './errors/entry.ts';

export type ErrorCode = CommonCode | MeshCode | ShareCode | GatewayCode | FaceCode;

/** Every code, in the order of docs/errors.md. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  ...COMMON_ERRORS,
  ...MESH_ERRORS,
  ...SHARE_ERRORS,
  ...GATEWAY_ERRORS,
  ...FACE_ERRORS,
};

/** An error with a code of the registry. `message` is for people; `cause` keeps what was underneath. */
export class KithError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KithError';
    this.code = code;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }
}
