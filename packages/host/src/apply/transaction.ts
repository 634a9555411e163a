/**
 * A change of the host that is not settled yet: the record by which it is taken back, by whoever finds it. There is one
 * at most, and none on a host that is as somebody confirmed it.
 */
import { readFileSync } from 'node:fs';
import type { Item } from '@kith/gateway';
import { bootId } from '../supervisor/process-table.ts';
import { allOf, type Holdings, holdingsOf, type InForce, inForceOf, isItem, textsOf } from './ownership.ts';
import { fieldsOf, RecordFile } from './record.ts';

/**
 * - `applying`: somebody changes the host; found with nobody at it, it is taken back
 * - `waiting`: everything is changed, somebody has to say that it is well
 * - `reverting`: it is being taken back
 */
export type Phase = 'applying' | 'waiting' | 'reverting';

export interface Transaction {
  readonly phase: Phase;
  /** The start of the machine that it belongs to: what the kernel holds is gone after the next one. */
  readonly boot: string;
  /** Process that works on it; what it started may outlive it for a moment. */
  readonly worker: number;
  /** Milliseconds since the start of the machine, until when it waits; null as long as it does not. */
  readonly confirmBy: number | null;
  /** The host and the journal before. */
  readonly before: {
    readonly owned: Holdings;
    /** Of what was owned, what was there. */
    readonly found: readonly Item[];
    readonly rulesets: Readonly<Record<string, string>>;
    readonly inForce: InForce | null;
  };
  /** In force once it is confirmed. */
  readonly next: InForce | null;
}

const PHASES: readonly Phase[] = ['applying', 'waiting', 'reverting'];

export function transactionFile(path: string): RecordFile<Transaction> {
  return new RecordFile(path, 'kith gateway transaction', parse);
}

/** Milliseconds that are left to confirm it: null for one that does not wait, 0 for one that waited in vain. */
export function timeLeft({ phase, boot, confirmBy }: Transaction): number | null {
  if (phase !== 'waiting' || confirmBy === null) return null;
  return boot === bootId() ? Math.max(0, confirmBy - sinceBoot()) : 0;
}

/** Milliseconds since the start of the machine, sleep included: clocks of the wall are set while a gateway is made. */
export function sinceBoot(): number {
  return Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000);
}

function parse(body: unknown): Transaction | null {
  const fields = fieldsOf(body);
  const before = fieldsOf(fields?.['before']);
  if (fields === null || before === null) return null;
  const { boot, worker, confirmBy } = fields;
  const phase = PHASES.find((each) => each === fields['phase']);
  const [next, inForce] = [inForceOf(fields['next']), inForceOf(before['inForce'])];
  const [owned, rulesets] = [holdingsOf(before['owned']), textsOf(before['rulesets'])];
  const found = Array.isArray(before['found'])
    ? allOf(before['found'].map((item: unknown) => (isItem(item) ? item : null)))
    : null;
  if (phase === undefined || typeof boot !== 'string' || !isWhole(worker)) return null;
  if (confirmBy !== null && !isWhole(confirmBy)) return null;
  if (next === undefined || inForce === undefined || owned === null || rulesets === null || found === null) return null;
  return { phase, boot, worker, confirmBy, before: { owned, found, rulesets, inForce }, next };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
