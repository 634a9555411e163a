/** The rules of the small file with packets. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ruleIdOf } from '@kith/gateway';
import { CLIENT4, CLIENT6, domain, inside, type Name, namespace, reaches, setUp, sh, tearDown } from '../stage.ts';

before(setUp);
after(tearDown);

interface Listed {
  readonly rule?: {
    readonly comment?: string;
    readonly expr: readonly { readonly counter?: { readonly packets: number } }[];
  };
}

/** Packets by id of the rule, over all chains. */
function counts(name: Name, table: string): Map<string, number> {
  const { output } = inside(name, `nft -j list table inet ${table}`);
  const entries: readonly Listed[] = JSON.parse(output).nftables;
  const out = new Map<string, number>();
  for (const { rule } of entries) {
    const id = ruleIdOf(rule?.comment ?? '') ?? rule?.comment ?? '';
    const packets = rule?.expr.find((each) => each.counter !== undefined)?.counter?.packets ?? 0;
    out.set(id, (out.get(id) ?? 0) + packets);
  }
  return out;
}

/** How often the gateway's rule was hit while `work` ran. */
function hits(id: string, work: () => void): number {
  const first = counts('gateway', 'kith').get(id) ?? assert.fail(`no rule ${id}`);
  work();
  return (counts('gateway', 'kith').get(id) ?? 0) - first;
}

function connect(name: Name, address: string, port: number): string {
  const script = `require("net").connect(${port}, "${address}").on("connect", () => { console.log("open"); process.exit() }).on("error", (e) => { console.log(e.code); process.exit(); }); setTimeout(() => { console.log("silence"); process.exit() }, 1500)`;
  return sh(`ip netns exec ${namespace(name)} ${process.execPath} -e '${script}'`).output.trim();
}

test('a client surfs over both families, and only translated packets leave', () => {
  assert.ok(reaches('client', '203.0.113.1'));
  assert.ok(reaches('client', '2001:db8::1'));
  const seen = counts('internet', 'watch');
  assert.deepEqual([seen.get('foreign4'), seen.get('foreign6')], [0, 0]);
});

test("the operator's own network behind the exit is out of reach", () => {
  assert.ok(hits('own4', () => assert.ok(!reaches('client', '192.168.1.1'))) > 0);
});

test('nothing leaves by an interface that is not the exit', () => {
  assert.ok(reaches('gateway', '198.51.100.2'), 'the gateway itself gets there');
  assert.ok(hits('leak', () => assert.ok(!reaches('client', '198.51.100.2'))) > 0);
});

test('a source that is not of the domain is dropped where it comes in', () => {
  assert.ok(hits('spoofed4-freemesh', () => assert.ok(!reaches('client', '203.0.113.1', '-I 172.30.0.9'))) > 0);
});

test('nobody outside reaches a client unasked', () => {
  assert.ok(hits('unasked', () => assert.ok(!reaches('other', CLIENT4))) > 0);
  assert.ok(!reaches('internet', CLIENT6));
});

test('clients reach what is served to them and are told at once about the rest', () => {
  assert.ok(hits('denied', () => assert.equal(connect('client', domain.address4, 22), 'EHOSTUNREACH')) > 0);
  assert.ok(hits('dns-tcp', () => assert.equal(connect('client', domain.address4, 53), 'ECONNREFUSED')) > 0);
  assert.ok(hits('dns-tcp', () => assert.equal(connect('client', domain.address6, 53), 'ECONNREFUSED')) > 0);
});

test('names are not served to the outside', () => {
  assert.ok(hits('outside-tcp', () => assert.equal(connect('internet', '203.0.113.2', 53), 'silence')) > 0);
});

test('port 25 is blocked, others are not', () => {
  assert.ok(hits('blocked', () => assert.equal(connect('client', '203.0.113.1', 25), 'EHOSTUNREACH')) > 0);
  assert.equal(connect('client', '203.0.113.1', 80), 'ECONNREFUSED');
});

test('segments are cut to what the exit takes', () => {
  const seen = (): number => counts('internet', 'watch').get('mss1452') ?? 0;
  const first = seen();
  connect('client', '203.0.113.1', 80);
  assert.equal(seen() - first, 1);
});
