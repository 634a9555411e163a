/** The command line: verbs, options, help. Each verb's code is loaded only when it runs, so that none pays for another. */
import { Command, type CommanderError } from 'commander';
import { KithError } from '@kith/core';
import type { Context } from './context.ts';
import { addGatewayVerbs } from './gateway-program.ts';
import { collect, list, type Options, text, type Verb } from './options.ts';
import type { Result } from './output.ts';
import { addShareVerbs } from './share-program.ts';
import { addWebVerb } from './web-program.ts';

export interface Io {
  out(text: string): void;
  err(text: string): void;
}

const EXAMPLES = `
Examples:
  kith init alice                   found a network on this machine
  kith up                           join it to the network
  kith invite bob                   print a token for bob's machine
  kith join kith:…                  on bob's machine, then: kith up
  kith status                       who is there, over which path, and why
  kith share film.mp4               share a file: prints a magnet link
  kith get 'magnet:?…'              load what a link leads to

Exit codes: 0 done, 1 failure, 2 wrong usage or input, 3 state on disk, 4 permission, 5 network, 6 refused.
`;

/**
 * Builds the program. `finish` gets what the verb that runs has to say; errors are thrown from `parseAsync`.
 */
export function buildProgram(io: Io, finish: (result: Result, context: Context) => void): Command {
  const program = new Command('kith');
  program
    .description('One network out of scattered machines: encrypted, without a server, through NAT.')
    .option('-n, --network <NAME>', 'the network, where this machine is in several')
    .option('--state <DIR>', "the network's folder, wherever it is")
    .option('--json', 'print one JSON document, errors too')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (line) => io.out(line), writeErr: () => undefined })
    .exitOverride()
    .showSuggestionAfterError(true)
    .helpCommand('help [verb]', 'show help');

  const add = (usage: string, summary: string, verb: Verb, parent: Command = program): Command => {
    const command = parent.command(usage).description(summary);
    command.action(async (...parameters: unknown[]) => {
      const options: Options = command.optsWithGlobals();
      const args = parameters
        .slice(0, -2)
        .flat()
        .filter((value): value is string => typeof value === 'string');
      const json = options['json'] === true;
      const context: Context = {
        json,
        network: text(options, 'network'),
        state: text(options, 'state'),
        progress: (line) => (json ? undefined : io.out(`${line}\n`)),
      };
      finish(await verb(context, args, options), context);
    });
    return command;
  };

  add('init <name>', 'found a network; this machine is its first member, called NAME', async (context, [name], o) => {
    const { init } = await import('./verbs/init.ts');
    return init(context, {
      name: name ?? '',
      prefix: text(o, 'prefix'),
      address: text(o, 'address'),
      endpoints: list(o, 'endpoint'),
      port: text(o, 'port'),
      iface: text(o, 'iface'),
    });
  })
    .option('--prefix <PREFIX>', "the network's addresses (default: 10.0.0.0/24)")
    .option('--address <ADDRESS>', "this machine's address (default: the first of the prefix)")
    .option('--endpoint <HOST:PORT>', 'where this machine is reached from outside, may be repeated', collect)
    .option('--port <PORT>', 'UDP port to listen on (default: 6550, or the next that no other network here uses)')
    .option('--iface <NAME>', 'name of the network interface');

  add('invite [name]', 'print a token with which a machine joins, as NAME if given', async (context, [name], o) => {
    const { invite } = await import('./verbs/invite.ts');
    return invite(context, {
      name: name ?? null,
      address: text(o, 'address') ?? null,
      uses: text(o, 'uses') ?? '1',
      expires: text(o, 'expires') ?? '7d',
      tags: list(o, 'tag'),
      via: o['via'] === undefined ? null : list(o, 'via'),
      qr: o['qr'] === true,
    });
  })
    .option('--address <ADDRESS>', 'the address that the new member gets')
    .option('--uses <N>', 'how many machines may use the token', '1')
    .option('--expires <TIME>', 'until when: 30m, 12h, 7d, 2w, never', '7d')
    .option('--tag <TAG>', 'a tag for the new member, may be repeated', collect)
    .option('--via <MEMBER>', 'name only this member as way in, may be repeated', collect)
    .option('--qr', 'show the token as a QR code too');

  add('invites', 'list the invites and what became of them', async (context) => {
    const { invites } = await import('./verbs/invites.ts');
    return invites(context);
  });

  add(
    'join <token>',
    'join a network with a token, or a file that holds it, or - for standard input',
    async (context, [token], o) => {
      const { join } = await import('./verbs/join.ts');
      return join(context, {
        token: token ?? '',
        name: text(o, 'name'),
        endpoints: list(o, 'endpoint'),
        port: text(o, 'port'),
        iface: text(o, 'iface'),
        timeout: text(o, 'timeout') ?? '30s',
      });
    },
  )
    .option('--name <NAME>', "this machine's name (default: the invite's, or the host name)")
    .option('--endpoint <HOST:PORT>', 'where this machine is reached from outside, may be repeated', collect)
    .option('--port <PORT>', 'UDP port to listen on (default: 6550, or the next that no other network here uses)')
    .option('--iface <NAME>', 'name of the network interface')
    .option('--timeout <TIME>', 'how long to look for a member that answers', '30s');

  add('up', 'start the daemon and wait until it is ready', async (context, _args, o) => {
    const { up } = await import('./verbs/up.ts');
    return up(context, { foreground: o['foreground'] === true, tun: o['tun'] !== false });
  })
    .option('-f, --foreground', 'stay in the foreground and log to standard error')
    .option('--no-tun', 'without a network interface: relay and watch only');

  add('down', 'stop the daemon', async (context) => (await import('./verbs/down.ts')).down(context));

  add('status', 'this node and all members: paths, reasons, round-trip times, traffic', async (context) =>
    (await import('./verbs/status.ts')).status(context),
  );

  add('peers', 'the members in detail; works without the daemon too', async (context) =>
    (await import('./verbs/peers.ts')).peers(context),
  );

  add('ping <member>', 'measure the way to a member (name, id or address)', async (context, [member], o) => {
    const { ping } = await import('./verbs/ping.ts');
    return ping(context, member ?? '', { count: text(o, 'count') ?? '4', timeout: text(o, 'timeout') ?? '2s' });
  })
    .option('-c, --count <N>', 'how many pings', '4')
    .option('--timeout <TIME>', 'how long to wait for each answer', '2s');

  add('trace <member>', 'show the members on the way to a member', async (context, [member]) =>
    (await import('./verbs/trace.ts')).trace(context, member ?? ''),
  );

  add('revoke <target>', 'cut a member (name, id or address) or an invite (id) off', async (context, [target]) =>
    (await import('./verbs/revoke.ts')).revoke(context, target ?? ''),
  );

  add('set <member>', 'change a member: its name, its address, what it may do', async (context, [member], o) =>
    (await import('./verbs/set.ts')).set(context, member ?? '', {
      name: text(o, 'name'),
      address: text(o, 'address'),
      admin: text(o, 'admin'),
      relay: text(o, 'relay'),
      exit: text(o, 'exit'),
    }),
  )
    .option('--name <NAME>', 'another name')
    .option('--address <ADDRESS>', "another address of the network's prefix")
    .option('--admin <yes|no>', 'whether it may invite, revoke and change others')
    .option('--relay <yes|no>', 'whether others may send through it')
    .option('--exit <yes|no>', 'whether others may leave the network through it, see kith lan');

  add('log', "the daemon's log", async (context, _args, o) =>
    (await import('./verbs/log.ts')).log(context, o['follow'] === true, io),
  ).option('--follow', 'go on with new lines as they come; with --json one document per line');

  add('leave', 'give up the membership and delete the state of this machine', async (context, _args, o) =>
    (await import('./verbs/leave.ts')).leave(context, o['force'] === true),
  ).option('--force', 'delete the state even if it is damaged or the network cannot be told');

  add('networks', 'the networks of this machine', async () => (await import('./verbs/networks.ts')).networks());

  add('service', 'print a systemd unit for the network', async (context) =>
    (await import('./verbs/service.ts')).service(context),
  );

  addShareVerbs(add);
  addGatewayVerbs(add);
  addWebVerb(add);

  add('version', 'print the version', async () => (await import('./verbs/version.ts')).version());

  return program;
}

/** A complaint of the option parser as an error of the registry; null for help, which is none. */
export function usageError(error: CommanderError): KithError | null {
  if (error.exitCode === 0 || error.code === 'commander.help') return null;
  return new KithError('USAGE', error.message.replace(/^error: /, '').replaceAll('\n', ' '), { cause: error });
}
