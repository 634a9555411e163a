/** The doctor's client in a bridge where nobody serves. Needs root. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { ClientFacts } from '@kith/gateway';
import { BRIDGE } from '../doctor/stage.ts';
import { until } from '../until.ts';

const NAMESPACE = `kith-probe-${process.pid}`;
const CABLE = 'kp-';
const PROBER = new URL('../probe/prober.ts', import.meta.url).pathname;

function ip(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  assert.equal(status, 0, `ip ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function links(): string {
  return ip('-n', NAMESPACE, '-br', 'link');
}

function startProber(): ChildProcess {
  const argv = ['netns', 'exec', NAMESPACE, process.execPath, '--conditions=source', PROBER];
  return spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
}

before(() => {
  ip('netns', 'add', NAMESPACE);
  ip('-n', NAMESPACE, 'link', 'add', BRIDGE, 'type', 'bridge');
  ip('-n', NAMESPACE, 'link', 'set', BRIDGE, 'up');
});

after(() => {
  ip('netns', 'del', NAMESPACE);
});

test('a client that nobody serves says so in time, and leaves nothing behind', async () => {
  const prober = startProber();
  let out = '';
  prober.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const began = performance.now();
  await new Promise((resolve) => prober.once('close', resolve));
  const facts: ClientFacts = JSON.parse(out);
  assert.equal(facts.complaint, null);
  assert.deepEqual(
    [facts.offers, facts.lease, facts.advertisements, facts.address6, facts.owners],
    [[], null, [], null, []],
  );
  assert.equal(facts.address4, '10.70.0.255', 'the spare address');
  assert.deepEqual(new Set(facts.answers.map(({ complaint }) => complaint === null)), new Set([false]));
  assert.ok(performance.now() - began < 15_000);
  assert.doesNotMatch(links(), new RegExp(CABLE));
});

test('a doctor that is killed takes its client and the cable along', async () => {
  const prober = startProber();
  await until('the cable is there', () => links().includes(CABLE));
  prober.kill('SIGKILL');
  await until('the cable is gone', () => !links().includes(CABLE));
});
