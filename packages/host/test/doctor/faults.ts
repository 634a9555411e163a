/** A gateway that serves, broken in one place after the other: the doctor has to name that place, and no other. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Finding } from '@kith/gateway';
import { sh, Stage } from './stage.ts';

const absent = ['dnsmasq', 'chronyd', 'nft'].filter(
  (program) => spawnSync('sh', ['-c', `command -v ${program} || command -v /usr/sbin/${program}`]).status !== 0,
);
const skip = absent.length === 0 ? false : `needs ${absent.join(' and ')}`;

export interface Fault {
  readonly name: string;
  readonly inject: (stage: Stage) => unknown;
  /** `code subject` of the only finding. */
  readonly finding: string;
  /** What its cause has to name. */
  readonly cause: RegExp;
  /** Where applying the file again is not what mends it. */
  readonly mend?: (stage: Stage) => unknown;
  readonly keeperless?: boolean;
}

/** Tests that a healthy gateway is found so, before and after, and each fault for what it is. */
export function diagnosing(faults: readonly Fault[]): void {
  let stage: Stage;
  before(async () => {
    if (skip !== false) return;
    stage = await Stage.open();
    await stage.ask({ verb: 'apply' });
  });
  after(async () => {
    if (skip === false) await stage.close();
  });

  test('on a host that is as the file wants it, nothing is found', { skip }, async () => {
    assert.deepEqual(await stage.findings(), []);
  });

  for (const { name, inject, finding, cause, mend, keeperless = false } of faults) {
    test(`named: ${name}`, { skip }, async () => {
      let found: readonly Finding[] = [];
      try {
        await inject(stage);
        found = await stage.findings({ keeperless });
        assert.deepEqual(found.map(nameOf), [finding], JSON.stringify(found, null, 1));
        assert.match(found[0]?.cause ?? '', cause);
      } finally {
        await (mend === undefined ? stage.ask({ verb: 'fix', findings: found }) : mend(stage));
      }
    });
  }

  test('what was mended is healthy', { skip }, async () => {
    assert.deepEqual((await stage.findings()).map(nameOf), []);
  });
}

/** Paths of this test's folder and numbers that the kernel gave are nobody's business. */
function nameOf({ code, subject }: Finding): string {
  return `${code} ${subject}`
    .replace('file file', 'file')
    .replaceAll(/ \/\S*\//g, ' ')
    .replace(/rule \d+$/, 'rule');
}

/** What somebody types. */
export function nft(script: string): () => void {
  return () => sh('gateway', `nft '${script}'`);
}

/** Takes a rule out by its id, as somebody at the keyboard does. */
export function takeOut(chain: string, id: string): () => void {
  return () => {
    const listing = sh('gateway', `nft -a list chain inet kith ${chain}`);
    const handle = new RegExp(`comment "${id}: .*# handle (\\d+)`).exec(listing)?.[1] ?? assert.fail(`no rule ${id}`);
    sh('gateway', `nft delete rule inet kith ${chain} handle ${handle}`);
  };
}

/** Writes another line into a daemon's file and starts it with that. */
export function edited(name: string, daemon: string, from: RegExp, to: string): Fault['inject'] {
  return async (stage) => {
    const path = join(stage.state, name);
    const text = readFileSync(path, 'utf8');
    const other = text.replace(from, to);
    assert.notEqual(other, text, `${name} has nothing like ${from.source}`);
    writeFileSync(path, other);
    await stage.ask({ verb: 'kill', name: daemon });
    await stage.ask({ verb: 'revived', name: daemon });
  };
}
