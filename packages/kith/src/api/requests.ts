/** Bodies of requests, from unknown JSON into strong types; unknown keys are refused like everywhere in kith. */
import type { ChangeRequest, ExitRequest, InviteRequest, PingRequest, RevokeRequest } from '@kith/api';
import { flag, nullable, read, text, texts, whole } from './rules.ts';

/** Ten years in ms: no invite lives longer unless it has no expiry at all. */
const EXPIRY_LIMIT = 10 * 365 * 86_400_000;

export function readInviteRequest(body: unknown): InviteRequest {
  return read<InviteRequest>(body, {
    name: nullable(text),
    address: nullable(text),
    uses: whole(1, 100),
    expiresIn: nullable(whole(1, EXPIRY_LIMIT)),
    tags: texts,
    via: nullable(texts),
  });
}

export function readRevokeRequest(body: unknown): RevokeRequest {
  return read<RevokeRequest>(body, { target: text });
}

export function readChangeRequest(body: unknown): ChangeRequest {
  return read<ChangeRequest>(body, {
    member: text,
    name: nullable(text),
    address: nullable(text),
    admin: nullable(flag),
    relay: nullable(flag),
    exit: nullable(flag),
  });
}

export function readExitRequest(body: unknown): ExitRequest {
  return read<ExitRequest>(body, { members: nullable(texts), serves: nullable(flag) });
}

export function readPingRequest(body: unknown): PingRequest {
  return read<PingRequest>(body, { member: text, timeout: whole(1, 60_000) });
}
