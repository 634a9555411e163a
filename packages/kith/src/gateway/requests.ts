/** Bodies of requests to the keeper. */
import { type Address, KithError, parseAddress } from '@kith/core';
import type { DaemonValue } from '@kith/gateway';
import { isDaemonValue } from '@kith/host';
import { flag, nullable, read, type Rule, text, whole } from '../api/rules.ts';

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

export interface LiftRequest {
  readonly address: Address;
}

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

export function readLift(body: unknown): LiftRequest {
  return read<LiftRequest>(body, { address });
}
