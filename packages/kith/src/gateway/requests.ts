/** Bodies of requests to the keeper. */
import { type Address, KithError, parseAddress } from '@kith/core';
import type { DaemonValue } from '@kith/gateway';
import { type Grain, isDaemonValue } from '@kith/host';
import { flag, nullable, oneOf, read, type Rule, text, whole } from '../api/rules.ts';

export interface StartDaemonRequest {
  readonly name: string;
  readonly value: DaemonValue;
  /** Also where it runs with this very value. */
  readonly again: boolean;
}

export interface StopDaemonRequest {
  readonly name: string;
}

export interface BanRequest {
  readonly address: Address;
  /** Null: as long as the file says. */
  readonly seconds: number | null;
}

export interface ExaminationRequest {
  readonly mend: boolean;
}

export interface RouterChange {
  readonly action: 'approve' | 'refuse' | 'forget';
  /** A public key, of fastd or WireGuard. */
  readonly key: string;
  /** Null: the first one. */
  readonly domain: string | null;
}

export interface LiftRequest {
  readonly address: Address;
}

const GRAINS: readonly Grain[] = ['minutes', 'hours', 'days', 'months'];
/** A year: what shall last longer belongs into a firewall of its own. */
const LONGEST_BAN = 31_536_000;

const daemonValue: Rule<DaemonValue> = (value, key) => {
  if (isDaemonValue(value)) return value;
  throw new KithError('API_REQUEST_INVALID', `"${key}" must be a daemon: argv, ready and reads`);
};

const address: Rule<Address> = (value, key) => parseAddress(text(value, key));

export function readStartDaemon(body: unknown): StartDaemonRequest {
  return read<StartDaemonRequest>(body, { name: text, value: daemonValue, again: flag });
}

export function readStopDaemon(body: unknown): StopDaemonRequest {
  return read<StopDaemonRequest>(body, { name: text });
}

export function readBan(body: unknown): BanRequest {
  return read<BanRequest>(body, { address, seconds: nullable(whole(1, LONGEST_BAN)) });
}

export function readExamination(body: unknown): ExaminationRequest {
  return read<ExaminationRequest>(body, { mend: flag });
}

export function readRouterChange(body: unknown): RouterChange {
  return read<RouterChange>(body, {
    action: oneOf('approve', 'refuse', 'forget'),
    key: text,
    domain: nullable(text),
  });
}

/** @throws KithError API_REQUEST_INVALID */
export function grainIn(word: string | undefined): Grain {
  const grain = GRAINS.find((each) => each === (word ?? 'days'));
  if (grain !== undefined) return grain;
  throw new KithError('API_REQUEST_INVALID', `"grain" must be one of ${GRAINS.join(', ')}`);
}

export function readLift(body: unknown): LiftRequest {
  return read<LiftRequest>(body, { address });
}
