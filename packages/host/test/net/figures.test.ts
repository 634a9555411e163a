/** The gateway's figures from a real firewall, real interfaces and a file of leases. Needs root. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ruleIdOf } from '@kith/gateway';
import { Lab } from '@kith/lab';
import { desiredFrom, LARGE } from '../../../gateway/test/sample.ts';
import { readMetrics } from '../metrics/sample.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

test('what rules, interfaces, leases and the kernel have counted is told', { skip }, async (t) => {
  const state = mkdtempSync(join(tmpdir(), 'kith-figures-'));
  const lab = await Lab.create({ name: 'figures' });
  t.after(async () => {
    await lab.close();
    rmSync(state, { recursive: true, force: true });
  });
  const [gateway, client] = [await lab.bare('gateway'), await lab.bare('client')];
  await lab.cable({ machine: gateway, iface: 'br-cork' }, { machine: client, iface: 'up0' });
  await gateway.run(['ip', 'addr', 'add', '10.80.0.1/20', 'dev', 'br-cork']);
  await client.run(['ip', 'addr', 'add', '10.80.0.2/20', 'dev', 'up0']);
  const later = Math.round(Date.now() / 1000) + 600;
  writeFileSync(
    join(state, 'dnsmasq.leases'),
    `${later} 02:00:00:00:00:05 10.80.0.5 * *\n${later} 02:00:00:00:00:06 10.70.0.6 * *\n1 02:00:00:00:00:07 10.80.0.7 * *\n`,
  );
  const program = join(import.meta.dirname, 'figures-process.ts');
  const { code, stdout, stderr } = await gateway.run([process.execPath, '--conditions=source', program, state], {
    timeoutMs: 30_000,
  });
  assert.equal(code, 0, stderr);
  const families = readMetrics(stdout);
  const value = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
    families
      .get(name)
      ?.samples.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels.get(key) === text))
      ?.value ?? assert.fail(`${name} ${JSON.stringify(labels)}`);
  assert.deepEqual(
    ['cork', 'dublin'].map((domain) => value('kith_gateway_leases', { domain })),
    [1, 1],
  );
  for (const { item } of desiredFrom(LARGE).wanted) {
    if (item.kind !== 'table') continue;
    for (const [chain, comments] of Object.entries(item.value.chains))
      for (const comment of comments)
        value('kith_gateway_rule_packets_total', { table: item.name, chain, rule: ruleIdOf(comment) ?? '' });
  }
  assert.ok(value('kith_gateway_rule_packets_total', { chain: 'clients', rule: 'answers' }) >= 3);
  assert.ok(value('kith_gateway_rule_bytes_total', { chain: 'clients', rule: 'answers' }) >= 3 * 84);
  assert.ok(value('kith_gateway_interface_packets_total', { interface: 'br-cork', direction: 'received' }) >= 3);
  assert.ok(value('kith_gateway_conntrack_entries') >= 1);
  assert.ok(value('kith_gateway_conntrack_limit') > 100);
  const interfaces = families
    .get('kith_gateway_interface_bytes_total')
    ?.samples.map(({ labels }) => labels.get('interface'));
  assert.deepEqual([...new Set(interfaces)], ['br-cork']);
});
