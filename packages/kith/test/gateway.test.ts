/** The gateway's verbs that touch nothing but files, and what they say to bad input. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ERRORS, type ErrorCode } from '@kith/core';
import { type Outcome, Sandbox } from './program.ts';

const sandboxes: Sandbox[] = [];
after(() => sandboxes.forEach((one) => one.remove()));

/** A sandbox whose gateway has folders of its own. */
class GatewaySandbox extends Sandbox {
  readonly file: string = join(this.state, 'kith.yaml');

  constructor(text?: string) {
    super();
    sandboxes.push(this);
    if (text !== undefined) writeFileSync(this.file, text);
  }

  gateway(...words: readonly string[]): Promise<Outcome> {
    const env = {
      KITH_GATEWAY_STATE: join(this.state, 'state'),
      KITH_GATEWAY_RUN: join(this.state, 'run'),
    };
    return this.run(['gateway', ...words], '', env);
  }
}

function refused(outcome: Outcome, code: ErrorCode, message: RegExp): void {
  assert.match(outcome.stderr, message);
  assert.ok(outcome.stderr.includes(ERRORS[code].advice), outcome.stderr);
  assert.equal(outcome.code, ERRORS[code].exit);
}

describe('kith gateway init', { concurrency: 2 }, () => {
  test('writes a file of a few lines, and not over another one', async () => {
    const one = new GatewaySandbox();
    const words = ['init', 'Freemesh Ireland', '--clients', 'eth1', '--exit', 'eth0', '--vpn', 'fastd', '-f', one.file];
    const { code, stdout } = await one.gateway(...words);
    assert.equal(code, 0);
    assert.match(stdout, /kith gateway plan/);
    const text = readFileSync(one.file, 'utf8');
    assert.match(
      text,
      /^gateway:\n {2}community: Freemesh Ireland\n {2}clients: eth1\n {2}exit: eth0\n {2}vpn: fastd\n$/m,
    );
    refused(await one.gateway(...words), 'GATEWAY_FILE_EXISTS', /kith\.yaml is there already/);
    assert.equal((await one.gateway(...words, '--force')).code, 0);
  });

  test('says what is missing where nobody can be asked', async () => {
    const one = new GatewaySandbox();
    refused(await one.gateway('init', '-f', one.file), 'USAGE', /name of the community.*--clients INTERFACE or --vpn/s);
    refused(
      await one.gateway('init', 'Freemesh', '--clients', 'a name that is too long', '--exit', 'eth0', '-f', one.file),
      'CONFIG_INVALID',
      /kith\.yaml:4: "gateway\.clients" .* is not allowed/,
    );
    assert.equal(existsSync(one.file), false);
  });
});

describe('a file that is wrong', { concurrency: 2 }, () => {
  const head = 'gateway:\n  community: Freemesh\n  clients: eth1\n  exit: eth0\n';
  const WRONG: readonly (readonly [name: string, text: string, code: ErrorCode, message: RegExp])[] = [
    [
      'a mistyped key',
      `${head}  dsn: {}\n`,
      'CONFIG_UNKNOWN_KEY',
      /kith\.yaml:5: unknown key "gateway\.dsn", did you mean "dns"\?/,
    ],
    ['no mapping', 'gateway', 'CONFIG_SYNTAX', /kith\.yaml:1: /],
    [
      'prefixes that overlap',
      'gateway:\n  community: f\n  exit: eth0\n  domains:\n    a: { interfaces: eth1, prefix4: 10.70.0.0/16 }\n    b: { interfaces: eth2, prefix4: 10.70.128.0/17 }\n',
      'CONFIG_INVALID',
      /kith\.yaml:6: "gateway\.domains\.b\.prefix4" .*overlaps/,
    ],
    [
      'a pool that is too small',
      'gateway:\n  community: f\n  exit: eth0\n  slots: 64\n  domains:\n    a: { interfaces: eth1, prefix4: 10.70.0.0/26 }\n',
      'CONFIG_INVALID',
      /kith\.yaml:\d: "gateway\..*/,
    ],
    [
      'a code that is too long for names of interfaces',
      'gateway:\n  community: { name: f, code: elevenchars }\n  clients: eth1\n  exit: eth0\n',
      'CONFIG_INVALID',
      /kith\.yaml:2: "gateway\.community\.code" "elevenchars" is not allowed/,
    ],
    [
      'an interface with a name that no kernel takes',
      'gateway:\n  community: f\n  clients: an-interface-too-long\n  exit: eth0\n',
      'CONFIG_INVALID',
      /kith\.yaml:3: "gateway\.clients"/,
    ],
  ];
  for (const [name, text, code, message] of WRONG) {
    test(`with ${name} is refused with its line before anything is changed`, async () => {
      const one = new GatewaySandbox(text);
      for (const verb of ['plan', 'apply', 'gluon']) refused(await one.gateway(verb, '-f', one.file), code, message);
      assert.equal(existsSync(join(one.state, 'state')), false);
    });
  }

  test('that is not there is told with the places that were looked at', async () => {
    const one = new GatewaySandbox();
    refused(await one.gateway('plan', '-f', one.file), 'GATEWAY_FILE', /cannot read .*kith\.yaml: no such file/);
  });

  test('that lists gateways and not this machine is told so', async () => {
    const one = new GatewaySandbox(`${head}  gateways: { tower: {}, cave: {} }\n`);
    refused(await one.gateway('plan', '-f', one.file, '--as', 'hill'), 'GATEWAY_UNKNOWN', /"hill".* tower, cave/);
  });
});

test('kith gateway schema is a JSON Schema that knows the keys', async () => {
  const { code, stdout } = await new GatewaySandbox().gateway('schema');
  assert.equal(code, 0);
  const schema = JSON.parse(stdout) as { readonly properties: { readonly gateway: { readonly properties: object } } };
  assert.ok('community' in schema.properties.gateway.properties);
});

test('kith gateway import and gluon lead from a site to a file and back, with the same seeds', async () => {
  const one = new GatewaySandbox();
  const seed = 'ab'.repeat(32);
  const site = join(one.state, 'site.conf');
  writeFileSync(
    site,
    `{ site_name = 'Freemesh', site_code = 'fm', prefix4 = '10.70.0.0/16', prefix6 = 'fd00:70::/64', domain_seed = '${seed}', frobs = 1,
       mesh_vpn = { fastd = { methods = { 'salsa2012+umac' }, mtu = 1312, groups = { backbone = { limit = 1, peers = { tower = {
         key = '${'1'.repeat(64)}', remotes = { '"tower.example" port 10000' } } } } } } } }`,
  );
  const imported = await one.gateway('import', site, '--exit', 'eth0', '-f', one.file);
  assert.equal(imported.code, 0, imported.stderr);
  assert.match(imported.stdout, /no key: frobs/);
  mkdirSync(join(one.state, 'out'));
  const { code, stderr } = await one.gateway('gluon', '-f', one.file, '--as', 'tower', '-o', join(one.state, 'out'));
  assert.equal(code, 0, stderr);
  const text = readFileSync(join(one.state, 'out', 'site.conf'), 'utf8');
  for (const part of [seed, "'10.70.0.0/16'", "'fd00:70::/64'", '1'.repeat(64)]) assert.ok(text.includes(part), part);
});

test('kith gateway unit runs the keeper, where its folders are', async () => {
  const one = new GatewaySandbox();
  const { stdout } = await one.gateway('unit');
  assert.match(stdout, /^ExecStart=.*kith\.mjs gateway run$/m);
  assert.match(stdout, new RegExp(`^Environment=KITH_GATEWAY_STATE=${one.state}/state$`, 'm'));
});

test('verbs that need the keeper say that none runs', async () => {
  const one = new GatewaySandbox();
  refused(await one.gateway('status'), 'NOT_RUNNING', /no keeper of a gateway runs/);
  rmSync(join(one.state, 'run'), { recursive: true, force: true });
});
