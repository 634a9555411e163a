import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ERRORS, type ErrorCode, portableCrypto, SecretKey } from '@kith/core';
import { decodeInvite, encodeInvite } from '@kith/mesh';
import { parseConfig } from '../src/config/config.ts';
import { RULES } from '../src/config/schema.ts';
import { type Outcome, Sandbox } from './program.ts';

const sandboxes: Sandbox[] = [];
function sandbox(): Sandbox {
  const one = new Sandbox();
  sandboxes.push(one);
  return one;
}
after(() => sandboxes.forEach((one) => one.remove()));

/** A prefix that no machine has: RFC 5737 and 2544 ranges are for documents and benchmarks. */
const PREFIX = ['--prefix', '198.18.7.0/24', '--endpoint', '192.0.2.7:6550'];
const crypto = portableCrypto((length) => new Uint8Array(length).fill(7));

function refused(outcome: Outcome, code: ErrorCode, message: RegExp): void {
  assert.match(outcome.stderr, message);
  assert.ok(outcome.stderr.includes(ERRORS[code].advice), `the advice of ${code} in: ${outcome.stderr}`);
  assert.equal(outcome.code, ERRORS[code].exit);
  assert.equal(outcome.stdout, '');
}

async function founded(): Promise<Sandbox> {
  const one = sandbox();
  const outcome = await one.run(['-n', 'home', 'init', 'alice', ...PREFIX]);
  assert.equal(outcome.code, 0, outcome.stderr);
  return one;
}

describe('the command line', { concurrency: 2 }, () => {
  test('without words, with help and with --help shows what there is', async () => {
    const one = sandbox();
    const outcomes = await Promise.all([
      one.run([]),
      one.run(['help']),
      one.run(['--help']),
      one.run(['invite', '--help']),
    ]);
    for (const { code, stdout } of outcomes) {
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: kith/);
    }
    assert.match(outcomes[0].stdout, /Exit codes: /);
  });

  test('names the version', async () => {
    assert.match((await sandbox().run(['version'])).stdout, /^kith \d+\.\d+\.\d+ \(node /);
  });

  test('suggests the verb that was meant', async () => {
    refused(await sandbox().run(['statsu']), 'USAGE', /unknown command 'statsu'.*Did you mean status/);
  });

  test('refuses unknown options and missing words', async () => {
    const one = sandbox();
    refused(await one.run(['up', '--fourground']), 'USAGE', /unknown option '--fourground'/);
    refused(await one.run(['ping']), 'USAGE', /missing required argument 'member'/);
  });

  test('with --json prints errors as one document, of usage too', async () => {
    const one = sandbox();
    for (const [args, code] of [
      [['ping'], 'USAGE'],
      [['status'], 'NETWORK_UNKNOWN'],
    ] as const) {
      const { code: exit, value } = await one.json(args);
      assert.equal(value['error']?.['code'], code);
      assert.equal(value['error']?.['advice'], ERRORS[code].advice);
      assert.equal(exit, ERRORS[code].exit);
    }
  });

  test('on a machine without a network says what to do', async () => {
    refused(await sandbox().run(['status']), 'NETWORK_UNKNOWN', /this machine is in no network/);
  });

  test('among several networks asks which one, and suggests a mistyped one', async () => {
    const one = await founded();
    assert.equal((await one.run(['-n', 'work', 'init', 'alice', '--prefix', '198.19.0.0/24'])).code, 0);
    refused(await one.run(['peers']), 'NETWORK_AMBIGUOUS', /home, work\?/);
    refused(await one.run(['-n', 'hmoe', 'peers']), 'NETWORK_UNKNOWN', /did you mean "home"\?/);
    refused(await one.run(['-n', '../home', 'peers']), 'NETWORK_UNKNOWN', /no network/);
    assert.match((await one.run(['-n', 'work', 'peers'])).stdout, /alice .* 198\.19\.0\.1 /);
    assert.deepEqual((await one.json(['networks'])).value['networks'], ['home', 'work']);
    assert.match(
      readFileSync(join(one.folder('work'), 'config.yaml'), 'utf8'),
      /^port: 6551$/m,
      'the second gets another port',
    );
  });
});

describe('kith init', { concurrency: 2 }, () => {
  test('makes keys, ledger and configuration for their owner alone', async () => {
    const one = await founded();
    for (const file of ['node.key', 'tunnel.key', 'ledger.cbor', 'network.json', 'config.yaml']) {
      assert.equal(statSync(join(one.folder('home'), file)).mode & 0o777, 0o600, file);
    }
    const { value } = await one.json(['peers']);
    assert.equal(value['members']?.[0]?.['name'], 'alice');
    assert.equal(value['members']?.[0]?.['address4'], '198.18.7.1');
    assert.equal(value['members']?.[0]?.['admin'], true);
  });

  test('does not touch a network that is there', async () => {
    const one = await founded();
    const before = readFileSync(join(one.folder('home'), 'node.key'), 'utf8');
    refused(
      await one.run(['-n', 'home', 'init', 'bob', ...PREFIX]),
      'NETWORK_EXISTS',
      /already holds the network home/,
    );
    assert.equal(readFileSync(join(one.folder('home'), 'node.key'), 'utf8'), before);
  });

  const WRONG: readonly (readonly [args: readonly string[], code: ErrorCode, message: RegExp])[] = [
    [['Al ice'], 'NAME_INVALID', /member name "Al ice" is no DNS label/],
    [['-n', 'ho_me', 'init', 'alice'], 'NAME_INVALID', /network label "ho_me"/],
    [['alice', '--prefix', '198.18.7.1/24'], 'ADDRESS_INVALID', /did you mean 198\.18\.7\.0\/24\?/],
    [['alice', '--prefix', '198.18.7.0/31'], 'STATEMENT_INVALID', /length 8 to 30/],
    [['alice', ...PREFIX, '--address', '198.18.8.1'], 'STATEMENT_INVALID', /no host of/],
    [['alice', ...PREFIX, '--port', '66000'], 'USAGE', /--port "66000"/],
    [['alice', ...PREFIX, '--iface', 'a/b'], 'CONFIG_INVALID', /--iface "a\/b" is not allowed/],
    [['alice', '--endpoint', 'example.org:6550'], 'ADDRESS_INVALID', /"example\.org" is not an IP address/],
  ];
  for (const [args, code, message] of WRONG) {
    test(`refuses ${args.join(' ')} and leaves nothing behind`, async () => {
      const one = sandbox();
      const words = args.includes('init') ? args : ['init', ...args];
      refused(await one.run(words), code, message);
      assert.deepEqual((await one.json(['networks'])).value['networks'], []);
    });
  }
});

describe('invites without a daemon', { concurrency: 2 }, () => {
  test('are made, listed and revoked', async () => {
    const one = await founded();
    const made = await one.run(['invite', 'bob', '--address', '198.18.7.9', '--expires', '2h', '--tag', 'phone']);
    assert.equal(made.code, 0, made.stderr);
    const token = decodeInvite(crypto, made.stdout);
    assert.equal(token.name, 'bob');
    assert.equal(token.address, '198.18.7.9');
    assert.deepEqual(token.bootstrap[0]?.endpoints[0], '192.0.2.7:6550');
    const { value } = await one.json(['invites']);
    assert.equal(value['invites']?.[0]?.['state'], 'open');
    const id = String(value['invites']?.[0]?.['id']);
    assert.match((await one.run(['revoke', id])).stdout, /^revoked invite bob /);
    assert.equal((await one.json(['invites'])).value['invites']?.[0]?.['state'], 'revoked');
  });

  test('of several uses fix neither name nor address', async () => {
    const one = await founded();
    refused(await one.run(['invite', 'bob', '--uses', '3']), 'USAGE', /the invite is for 3/);
    assert.equal((await one.json(['invite', '--uses', '3', '--expires', 'never'])).value['expires'], null);
  });

  test('for a name or an address that is taken, reserved or impossible are refused', async () => {
    const one = await founded();
    assert.equal((await one.run(['invite', 'bob', '--address', '198.18.7.9'])).code, 0);
    refused(await one.run(['invite', 'alice']), 'NAME_TAKEN', /alice belongs to the member at 198\.18\.7\.1/);
    refused(await one.run(['invite', 'Bob']), 'NAME_TAKEN', /reserved by an open invite/);
    refused(await one.run(['invite', 'b.b']), 'NAME_INVALID', /"b\.b" is no DNS label/);
    refused(await one.run(['invite', '--address', '198.18.7.9']), 'ADDRESS_TAKEN', /reserved by an open invite/);
    refused(
      await one.run(['invite', '--address', '198.18.7.255']),
      'ADDRESS_OUTSIDE',
      /198\.18\.7\.1 to 198\.18\.7\.254/,
    );
    refused(await one.run(['invite', '--expires', 'soon']), 'USAGE', /--expires "soon" is no time/);
    refused(await one.run(['invite', '--uses', '0']), 'USAGE', /from 1 to 100/);
    refused(await one.run(['invite', '--via', 'alcie']), 'MEMBER_UNKNOWN', /did you mean "alice"\?/);
  });

  test('are shown as QR codes of the same token', async () => {
    const one = await founded();
    const { stdout } = await one.run(['invite', '--qr']);
    assert.match(stdout, /[▀▄█]{10}/);
    assert.match(stdout.trim().split('\n').at(-1) ?? '', /^kith:[\w-]+$/);
  });

  test('revoking oneself or nobody is refused', async () => {
    const one = await founded();
    refused(await one.run(['revoke', 'alice']), 'USAGE', /`kith leave`/);
    refused(await one.run(['revoke', 'alise']), 'MEMBER_UNKNOWN', /did you mean "alice"\?/);
  });
});

describe('kith set', { concurrency: 2 }, () => {
  test('changes name and address, says what it did and keeps it', async () => {
    const one = await founded();
    const made = await one.run(['set', 'alice', '--name', 'anna', '--address', '198.18.7.40']);
    assert.match(made.stdout, /^anna is called anna, has the address 198\.18\.7\.40/);
    const { value } = await one.json(['peers']);
    assert.equal(value['members']?.[0]?.['name'], 'anna');
    assert.equal(value['members']?.[0]?.['address4'], '198.18.7.40');
  });

  test('makes a member an exit and takes that back', async () => {
    const one = await founded();
    assert.match((await one.run(['set', 'alice', '--exit', 'yes'])).stdout, /^alice is an exit/);
    refused(await one.run(['set', 'alice', '--exit', 'yes']), 'USAGE', /alice is so already/);
    assert.match((await one.run(['set', 'alice', '--exit', 'no'])).stdout, /^alice is no exit any more/);
  });

  test('refuses what changes nothing, what is taken and what is neither yes nor no', async () => {
    const one = await founded();
    refused(await one.run(['set', 'alice']), 'USAGE', /say --name, --address, --admin, --relay or --exit/);
    refused(await one.run(['set', 'alice', '--admin', 'yes']), 'USAGE', /alice is so already/);
    refused(await one.run(['set', 'alice', '--admin', 'no']), 'USAGE', /another admin has to do that/);
    refused(await one.run(['set', 'alice', '--relay', 'maybe']), 'USAGE', /neither "yes" nor "no"/);
    refused(await one.run(['set', 'alise', '--relay', 'no']), 'MEMBER_UNKNOWN', /did you mean "alice"\?/);
    refused(await one.run(['set', 'alice', '--address', '192.0.2.1']), 'ADDRESS_OUTSIDE', /198\.18\.7\.1/);
  });
});

describe('kith join', { concurrency: 2 }, () => {
  test('tells a mistyped, a cut and a foreign token apart', async () => {
    const one = await founded();
    const token = (await one.run(['invite'])).stdout.trim();
    const other = sandbox();
    const join = (text: string) => other.run(['join', text, '--timeout', '1s']);
    refused(await join(token.slice(0, -9)), 'INVITE_TRUNCATED', /9 of its \d+ characters are missing/);
    refused(
      await join(`${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`),
      'INVITE_MALFORMED',
      /checksum/,
    );
    refused(await join('https://example.org'), 'INVITE_MALFORMED', /neither an invite.*nor a file/);
    refused(await other.run(['join', '-'], 'nonsense\n'), 'INVITE_MALFORMED', /does not start with "kith:"/);
    assert.deepEqual((await other.json(['networks'])).value['networks'], []);
  });

  test('never shows the secret of a token that it refuses', async () => {
    const one = await founded();
    const token = (await one.run(['invite'])).stdout.trim();
    const { stderr } = await sandbox().run(['join', token.slice(0, -1)]);
    assert.ok(!stderr.includes(token.slice(20, 60)));
  });

  test('refuses an expired token before it asks anybody', async () => {
    const one = await founded();
    const token = decodeInvite(crypto, (await one.run(['invite'])).stdout);
    const old = encodeInvite(crypto, { ...token, seed: new SecretKey(new Uint8Array(32)), expires: 1_000 });
    refused(await sandbox().run(['join', '-'], old), 'INVITE_EXPIRED', /expired at 1970-01-01T00:00:01/);
  });

  test('refuses a token of another network than the one that is there, and one of the same', async () => {
    const [one, other] = await Promise.all([founded(), founded()]);
    const token = (await one.run(['invite'])).stdout;
    refused(await other.run(['join', '-'], token), 'INVITE_WRONG_NETWORK', /the invite is for network .* holds home/);
    refused(await one.run(['join', '-'], token), 'NETWORK_EXISTS', /already holds the network home/);
  });

  test('refuses a name that is no DNS label', async () => {
    const one = await founded();
    const token = (await one.run(['invite'])).stdout;
    refused(
      await sandbox().run(['join', '-', '--name', 'no_label'], token),
      'NAME_INVALID',
      /"no_label" is no DNS label/,
    );
  });
});

describe('a damaged or foreign state folder', { concurrency: 2 }, () => {
  const CASES: readonly (readonly [what: string, harm: (folder: string) => void, code: ErrorCode, message: RegExp])[] =
    [
      ['that others can enter', (f) => chmodSync(f, 0o755), 'STATE_PERMISSIONS', /mode 0755.*chmod 0700 /],
      [
        'with a key that others can read',
        (f) => chmodSync(join(f, 'node.key'), 0o644),
        'STATE_PERMISSIONS',
        /node\.key has mode 0644/,
      ],
      [
        'with a ledger that others can read',
        (f) => chmodSync(join(f, 'ledger.cbor'), 0o644),
        'STATE_PERMISSIONS',
        /ledger\.cbor has mode 0644/,
      ],
      [
        'with a cut key',
        (f) => writeFileSync(join(f, 'tunnel.key'), 'kith-tunnel-secret:abc\n'),
        'STATE_CORRUPT',
        /tunnel\.key is damaged/,
      ],
      ['without a key', (f) => rmSync(join(f, 'node.key')), 'STATE_INCOMPLETE', /node\.key is missing/],
      ['without a ledger', (f) => rmSync(join(f, 'ledger.cbor')), 'STATE_INCOMPLETE', /ledger\.cbor/],
      [
        'with a ledger of noise',
        (f) => writeFileSync(join(f, 'ledger.cbor'), 'noise'.repeat(99)),
        'LEDGER_CORRUPT',
        /ledger\.cbor is damaged/,
      ],
      [
        'with a cut network.json',
        (f) => writeFileSync(join(f, 'network.json'), '{"version":1'),
        'STATE_CORRUPT',
        /network\.json is damaged/,
      ],
      [
        'with an unknown key in config.yaml',
        (f) => writeFileSync(join(f, 'config.yaml'), '\n\nprot: 1\n'),
        'CONFIG_UNKNOWN_KEY',
        /config\.yaml:3: unknown key "prot", did you mean "port"\?/,
      ],
      [
        'with a wrong value in config.yaml',
        (f) => writeFileSync(join(f, 'config.yaml'), 'port: 99999\n'),
        'CONFIG_INVALID',
        /config\.yaml:1: "port" 99999/,
      ],
    ];
  for (const [what, harm, code, message] of CASES) {
    test(`${what} is refused, by kith up too`, async () => {
      const one = await founded();
      harm(one.folder('home'));
      refused(await one.run(['-n', 'home', 'up', '--no-tun']), code, message);
      refused(await one.run(['-n', 'home', 'up', '--no-tun', '-f']), code, message);
    });
  }

  const asRoot = process.geteuid?.() === 0;
  test(
    'of another user is refused even to root',
    { skip: asRoot ? false : 'only root can give files away' },
    async () => {
      const one = await founded();
      chownSync(join(one.folder('home'), 'node.key'), 12345, 12345);
      refused(await one.run(['up', '--no-tun']), 'STATE_OWNER', /node\.key belongs to user id 12345/);
      chownSync(one.folder('home'), 12345, 12345);
      refused(await one.run(['-n', 'home', 'peers']), 'STATE_OWNER', /belongs to user id 12345/);
    },
  );

  test('can be given up with force, and only kith’s own files go', async () => {
    const one = await founded();
    const folder = one.folder('home');
    rmSync(join(folder, 'node.key'));
    mkdirSync(join(folder, 'mine'));
    refused(await one.run(['leave']), 'NOT_RUNNING', /the others cannot be told/);
    assert.equal((await one.run(['leave', '--force'])).code, 0);
    assert.ok(existsSync(join(folder, 'mine')));
    assert.ok(!existsSync(join(folder, 'tunnel.key')));
    assert.deepEqual((await one.json(['networks'])).value['networks'], []);
  });
});

describe('a daemon without an interface', { concurrency: 2 }, () => {
  /** Founds a network on a free port and runs `work` while its daemon is up. */
  async function running(work: (one: Sandbox, pid: number) => Promise<void>): Promise<void> {
    const one = sandbox();
    assert.equal((await one.run(['-n', 'home', 'init', 'alice', '--port', '0', ...PREFIX])).code, 0);
    const { code, value } = await one.json(['up', '--no-tun']);
    assert.equal(code, 0, JSON.stringify(value));
    try {
      await work(one, Number(value['pid']));
    } finally {
      await one.run(['down']);
    }
  }

  test('starts in the background, answers every question, and stops', async () => {
    await running(async (one, pid) => {
      const { value: status } = await one.json(['status']);
      assert.equal(status['pid'], pid);
      assert.equal(status['members']?.[0]?.['name'], 'alice');
      assert.equal(status['interface'], null);
      assert.ok(['native', 'portable'].includes(status['plane']?.['kind'] ?? ''));
      assert.match(
        (await one.run(['status'])).stdout,
        /^alice 198\.18\.7\.1 in home without an interface, 0 of 0 others online\n/,
      );
      assert.match((await one.run(['peers'])).stdout, /self, admin/);
      assert.match((await one.run(['log'])).stdout, / up: home is up: UDP port \d+, no interface/);
      assert.match((await one.run(['ping', 'alice', '-c', '1'])).stdout, /1 sent, 1 answered/);
      refused(await one.run(['ping', 'alcie']), 'MEMBER_UNKNOWN', /did you mean "alice"\?/);
      refused(await one.run(['trace', '198.18.7.2']), 'MEMBER_UNKNOWN', /no member "198\.18\.7\.2"/);
      const token = decodeInvite(crypto, (await one.run(['invite', 'bob'])).stdout);
      assert.equal(token.bootstrap[0]?.endpoints[0], '192.0.2.7:6550');
      assert.match((await one.run(['revoke', 'bob'])).stdout, /^revoked invite bob/);
      assert.equal((await one.run(['down'])).stdout, 'stopped\n');
      refused(await one.run(['status']), 'NOT_RUNNING', /no daemon answers/);
      refused(await one.run(['down']), 'NOT_RUNNING', /no daemon answers/);
      assert.equal((await one.json(['invites'])).value['invites']?.[0]?.['state'], 'revoked', 'kept on disk');
      assert.match((await one.run(['log'])).stdout, /the log of the last run/);
    });
  });

  test('says which data plane it has, and why it has the slower one', async () => {
    const one = sandbox();
    await one.run(['-n', 'home', 'init', 'alice', '--port', '0', ...PREFIX]);
    // Where the loader looks for the addon.
    const absent = { '@KITH/DATAPLANE_PREBUILD': '/nonexistent', KITH_PLANE: '' };
    const { code, stderr } = await one.run(['up', '--no-tun'], '', absent);
    assert.equal(code, 0, stderr);
    try {
      const { value: status } = await one.json(['status']);
      assert.equal(status['plane']?.['kind'], 'portable');
      assert.equal(
        status['plane']?.['reason'],
        `the native one does not load: not built here, and no prebuilt one fits linux on ${process.arch}`,
      );
      const line = /^data plane: portable, the native one does not load: not built here, and no prebuilt one fits/m;
      assert.match((await one.run(['status'])).stdout, line);
      assert.match((await one.run(['log'])).stdout, / warn plane: portable data plane: the native one does not load: /);
    } finally {
      await one.run(['down']);
    }
  });

  test('is the only one of its network', async () => {
    await running(async (one, pid) => {
      for (const args of [
        ['up', '--no-tun'],
        ['up', '--no-tun', '-f'],
      ]) {
        refused(await one.run(args), 'ALREADY_RUNNING', new RegExp(`in use by kith up with process id ${pid}`));
      }
    });
  });

  test('that is killed leaves nothing that keeps the next one from starting', async () => {
    await running(async (one, pid) => {
      const invited = await one.json(['invite', 'bob']);
      process.kill(pid, 'SIGKILL');
      const again = await one.json(['up', '--no-tun']);
      assert.equal(again.code, 0, JSON.stringify(again.value));
      assert.notEqual(again.value['pid'], pid);
      assert.equal((await one.json(['invites'])).value['invites']?.[0]?.['id'], invited.value['id']);
    });
  });

  test('stops on SIGTERM and frees its network', async () => {
    await running(async (one, pid) => {
      process.kill(pid, 'SIGTERM');
      const deadline = performance.now() + 10_000;
      for (;;) {
        const { code } = await one.run(['peers', '--json']);
        if (code === 0 && !existsSync(join(one.folder('home'), 'daemon.sock'))) break;
        assert.ok(performance.now() < deadline, 'still there after ten seconds');
      }
      assert.equal((await one.json(['up', '--no-tun'])).code, 0);
    });
  });

  test('on a port that is in use is refused', async () => {
    const holder = createSocket('udp4');
    holder.bind(0);
    await once(holder, 'listening');
    try {
      const one = sandbox();
      const port = String(holder.address().port);
      assert.equal((await one.run(['init', 'alice', '--port', port, ...PREFIX])).code, 0);
      refused(await one.run(['up', '--no-tun']), 'PORT_IN_USE', new RegExp(`UDP port ${port} is in use`));
    } finally {
      holder.close();
    }
  });

  test('that leaves deletes its state', async () => {
    await running(async (one) => {
      assert.match((await one.run(['leave'])).stdout, /^left: .*deleted\n$/);
      assert.ok(!existsSync(one.folder('home')));
      assert.equal((await one.run(['init', 'alice', ...PREFIX, '-n', 'home', '--port', '0'])).code, 0);
      assert.equal((await one.run(['up', '--no-tun'])).code, 0);
    });
  });
});

test('kith service prints a unit that starts this very network', async () => {
  const one = await founded();
  const { stdout } = await one.run(['service']);
  assert.match(
    stdout,
    new RegExp(`^ExecStart=\\S+ \\S+/kith\\.mjs --state ${one.folder('home')} up --foreground$`, 'm'),
  );
  assert.match(stdout, /^AmbientCapabilities=CAP_NET_ADMIN$/m);
  assert.match(stdout, /^WantedBy=multi-user\.target$/m);
});

test('the documents name every verb and every key of the configuration', async () => {
  const read = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
  const { stdout } = await sandbox().run(['--help']);
  const verbs = [...stdout.matchAll(/^ {2}([a-z]+) (?:\[|<| )/gm)].map((match) => match[1] as string);
  assert.ok(verbs.includes('status') && verbs.length > 15, verbs.join(' '));
  const cli = read('cli.md');
  for (const verb of verbs.filter((each) => each !== 'kith')) assert.ok(cli.includes(`kith ${verb}`), verb);
  const configuration = read('configuration.md');
  for (const key of Object.keys(RULES)) assert.ok(configuration.includes(`\`${key}\``), key);
  const example = /```yaml\n([\s\S]*?)```/.exec(configuration)?.[1] ?? '';
  assert.equal((await parseConfig(example, 'example')).interface, 'kith-friends');
});
