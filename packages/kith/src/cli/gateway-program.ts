/** The verbs of a gateway: what they are called, what they take. */
import { type Command, Option } from 'commander';
import { type AddVerb, collect, list, type Options, text } from './options.ts';

const FILE = 'the file (default: kith.yaml here, else /etc/kith/kith.yaml)';
const AS = "this machine's name in the file's list of gateways (default: its host name)";

const EXAMPLES = `
Examples:
  kith gateway init "Freemesh Ireland" --clients eth1 --exit eth0
  kith gateway plan                       what would be changed, and which line wants it
  sudo kith gateway apply                 change it; applied again it changes nothing
  sudo kith gateway apply --confirm 120   go back by itself, unless "kith gateway confirm" comes in 120 s
  sudo kith gateway doctor --fix          what does not work for whom, why, and mend it
  sudo kith gateway remove                leave the machine as it was before

Exit codes: 0 done, 1 failure or findings, 2 wrong usage or file, 3 state on disk, 4 permission, 5 network, 6 refused.
`;

const LAN_EXAMPLES = `
Examples:
  sudo kith lan eth1                            every exit of the network will do
  sudo kith lan eth1 --exit tower --exit cave   tower; cave while tower does not answer
  kith lan                                      which exit is used, and why
  sudo kith lan down                            as it was before

An admin makes a member an exit with "kith set MEMBER --exit yes"; its own file says "exit: { interface: eth0, offer: true }".
`;

export function addGatewayVerbs(add: AddVerb): void {
  const gateway = add('gateway', "a community's gateway from one file", async () =>
    (await import('./verbs/gateway/usage.ts')).usage(),
  ).addHelpText('after', EXAMPLES);
  addFileVerbs(add, gateway);
  addForceVerbs(add, gateway);
  addBans(add);
  addLan(add);
  add('doctor', 'what is wrong with this machine in its networks, and with its gateway', async (context, _args, o) =>
    (await import('./verbs/doctor.ts')).doctor(context, o['fix'] === true),
  ).option('--fix', 'mend what is safe to mend at the gateway');
  addTraffic(add);
  addRouters(add, gateway);
}

function addFileVerbs(add: AddVerb, gateway: Command): void {
  add(
    'init [community]',
    'write the file: asks what it is not told',
    async (context, [community], o) =>
      (await import('./verbs/gateway/init.ts')).init(context, {
        community,
        ...{ clients: list(o, 'clients'), exit: text(o, 'exit'), vpn: text(o, 'vpn') },
        ...{ contact: text(o, 'contact'), file: text(o, 'file'), force: o['force'] === true },
      }),
    gateway,
  )
    .option('--clients <INTERFACE>', 'an interface of clients, may be repeated', collect)
    .option('--exit <INTERFACE>', "the interface to the internet (default: that of the machine's own way)")
    .option('--vpn <fastd|wireguard>', 'tunnels for routers')
    .option('--contact <ADDRESS>', 'shown on maps')
    .option('-f, --file <FILE>', 'where it goes (default: kith.yaml)')
    .option('--force', 'write over a file that is there');

  add(
    'schema',
    'print the JSON Schema of the file, for editors',
    async () => (await import('./verbs/gateway/schema.ts')).schema(),
    gateway,
  );

  add(
    'import <site>',
    "write the file from an existing site.conf of Gluon's, or its folder",
    async (context, [site], o) =>
      (await import('./verbs/gateway/import.ts')).importVerb(context, site ?? '', {
        ...{ clients: list(o, 'clients'), exit: text(o, 'exit') },
        ...{ file: text(o, 'file'), force: o['force'] === true },
      }),
    gateway,
  )
    .option('--clients <INTERFACE>', 'an interface of clients, may be repeated', collect)
    .option('--exit <INTERFACE>', "the interface to the internet (default: that of the machine's own way)")
    .option('-f, --file <FILE>', 'where it goes (default: kith.yaml)')
    .option('--force', 'write over a file that is there');

  onFile(
    add(
      'gluon',
      'write site.conf, domains and site.mk for the firmware of routers',
      async (context, _args, o) =>
        (await import('./verbs/gateway/gluon.ts')).gluon(context, { ...fileOptions(o), output: text(o, 'output') }),
      gateway,
    ),
  ).option('-o, --output <DIR>', 'the folder they go into (default: site)');
}

function addForceVerbs(add: AddVerb, gateway: Command): void {
  onFile(
    add(
      'plan',
      'show what would be changed, and which line wants it',
      async (context, _args, o) => (await import('./verbs/gateway/plan.ts')).plan(context, fileOptions(o)),
      gateway,
    ),
  );
  onFile(
    add(
      'apply',
      'change the machine to what the file wants, wholly or not at all',
      async (context, _args, o) =>
        (await import('./verbs/gateway/apply.ts')).apply(context, {
          ...{ ...fileOptions(o), confirm: text(o, 'confirm') },
          ...{ confirmByDoctor: o['confirmByDoctor'] === true, yes: o['yes'] === true },
        }),
      gateway,
    ),
  )
    .option('--confirm <SECONDS>', 'take it back by itself unless "kith gateway confirm" comes within so many seconds')
    .option('--confirm-by-doctor', 'take it back unless the doctor finds nothing wrong')
    .option('-y, --yes', 'do not ask');
  add(
    'confirm',
    'keep the change that waits for it',
    async (context) => (await import('./verbs/gateway/settle.ts')).confirm(context),
    gateway,
  );
  add(
    'rollback',
    'take back the change that waits to be confirmed',
    async (context) => (await import('./verbs/gateway/settle.ts')).rollback(context),
    gateway,
  );
  add(
    'remove',
    'take everything off the machine and bring back what was there before',
    async (context, _args, o) => (await import('./verbs/gateway/remove.ts')).remove(context, o['yes'] === true),
    gateway,
  ).option('-y, --yes', 'do not ask');
  for (const draining of [true, false])
    add(
      draining ? 'drain' : 'undrain',
      draining ? 'take it out without cutting leases short' : 'take it back in',
      async (context) => (await import('./verbs/gateway/drain.ts')).drain(context, draining),
      gateway,
    );
  add(
    'doctor',
    'what does not work for whom, why, and what mends it',
    async (context, _args, o) => (await import('./verbs/gateway/doctor.ts')).doctor(context, o['fix'] === true),
    gateway,
  ).option('--fix', 'mend what is safe to mend');
  add(
    'status',
    'what is in force and how it fares',
    async (context) => (await import('./verbs/gateway/status.ts')).status(context),
    gateway,
  );
  add(
    'run',
    'keep the gateway in the foreground: daemons, bans, traffic, map',
    async (context, _args, o) => (await import('./verbs/gateway/run.ts')).run(context, o['idle'] === true),
    gateway,
  ).addOption(new Option('--idle', 'do not bring back what was in force').hideHelp());
  add(
    'unit',
    'print a systemd unit that runs it at every start',
    async () => (await import('./verbs/gateway/unit.ts')).unit(),
    gateway,
  );
}

function addLan(add: AddVerb): void {
  const lan = add(
    'lan [interfaces...]',
    'hand out addresses on interfaces, and send who is there through the mesh to an exit',
    async (context, interfaces, o) => {
      const { lanStatus, lanUp } = await import('./verbs/lan.ts');
      if (interfaces.length === 0) return lanStatus(context);
      return lanUp(context, interfaces, {
        ...{ exits: list(o, 'exit'), prefix: text(o, 'prefix') },
        ...{ confirm: text(o, 'confirm'), yes: o['yes'] === true },
      });
    },
  )
    .option(
      '--exit <MEMBER>',
      'a member to leave through, the preferred one first; may be repeated (default: every exit)',
      collect,
    )
    .option('--prefix <PREFIX>', "of clients' addresses (default: drawn from the names)")
    .option('--confirm <SECONDS>', 'take it back by itself unless "kith gateway confirm" comes within so many seconds')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', LAN_EXAMPLES);
  add(
    'status',
    'who is served, which exit is used, and why',
    async (context) => (await import('./verbs/lan.ts')).lanStatus(context),
    lan,
  );
  add(
    'down',
    'serve nobody any more: the machine is left as it was before',
    async (context, _args, o) => (await import('./verbs/lan.ts')).lanDown(context, o['yes'] === true),
    lan,
  ).option('-y, --yes', 'do not ask');
}

function addTraffic(add: AddVerb): void {
  add('traffic [interface]', "what came through the gateway's interfaces", async (context, [name], o) => {
    const grain = (['minutes', 'hours', 'months'] as const).find((each) => o[each] === true) ?? 'days';
    return (await import('./verbs/traffic.ts')).traffic(context, name, grain);
  })
    .option('--minutes', 'by five minutes')
    .option('--hours', 'by hours')
    .option('--days', 'by days, which is the default')
    .option('--months', 'by months');
}

function addRouters(add: AddVerb, gateway: Command): void {
  const routers = add(
    'routers',
    'routers that asked to be let in by their keys',
    async (context) => (await import('./verbs/gateway/routers.ts')).routers(context),
    gateway,
  );
  for (const [action, summary] of [
    ['approve', 'let routers in'],
    ['refuse', 'turn routers away, now and when they ask again'],
    ['forget', 'as if they had never asked'],
  ] as const) {
    add(
      `${action} <keys...>`,
      summary,
      async (context, keys, o) =>
        (await import('./verbs/gateway/routers.ts')).changeRouters(context, action, keys, text(o, 'domain')),
      routers,
    ).option('--domain <CODE>', 'for keys that nobody asked with (default: the first domain)');
  }
}

function addBans(add: AddVerb): void {
  const bans = add('bans', 'who is banned at the gateway, for how long, and why', async (context) =>
    (await import('./verbs/bans.ts')).listBans(context),
  );
  add('list', 'the same', async (context) => (await import('./verbs/bans.ts')).listBans(context), bans);
  add(
    'add <addresses...>',
    'ban addresses; of IPv6 the whole /64',
    async (context, addresses, o) => (await import('./verbs/bans.ts')).addBan(context, addresses, text(o, 'for')),
    bans,
  ).option('--for <TIME>', 'how long: 30m, 12h, 7d (default: as the file says)');
  add(
    'remove <addresses...>',
    'let addresses in again',
    async (context, addresses) => (await import('./verbs/bans.ts')).liftBan(context, addresses),
    bans,
  );
}

interface FileOptions {
  readonly file: string | undefined;
  readonly as: string | undefined;
}

function fileOptions(o: Options): FileOptions {
  return { file: text(o, 'file'), as: text(o, 'as') };
}

function onFile(command: Command): Command {
  return command.option('-f, --file <FILE>', FILE).option('--as <NAME>', AS);
}
