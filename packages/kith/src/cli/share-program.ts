/** The verbs of sharing: what they are called, what they take. */
import { type AddVerb, collect, list, type Options, text } from './options.ts';
import type { SourceOptions } from './verbs/get.ts';
import type { MakeVerbOptions } from './verbs/share.ts';

const PUBLIC = 'let anybody have it: ask trackers outside the mesh, take peers from anywhere';
const PEER = 'a peer to ask, wherever it is; may be repeated';
const OVERWRITE = 'load over files that are there already and have other content';
const SELECT = 'only these files: number, range, name or pattern like "*.mp4"; may be repeated';

export function addShareVerbs(add: AddVerb): void {
  const share = add(
    'share [paths...]',
    'share files or folders and print a magnet link for each',
    async (context, paths, o) =>
      (await import('./verbs/share.ts')).share(context, paths, {
        ...makeOptions(o),
        public: o['public'] === true,
      }),
  );
  addMakeOptions(share).option('--public', PUBLIC);
  addManageVerbs(add, share);
  addTv(add, share);

  add(
    'get <source>',
    'load what a magnet link, torrent file or address of one leads to',
    async (context, [source], o) =>
      (await import('./verbs/get.ts')).get(context, source ?? '', {
        ...getOptions(o),
        noSeed: o['seed'] === false,
        detach: o['detach'] === true,
      }),
  )
    .option('-o, --output <DIR>', 'the folder it comes into (default: this one)')
    .option('--select <FILES>', SELECT, collect)
    .option('--peer <HOST:PORT>', PEER, collect)
    .option('--tracker <URL>', 'a tracker to ask besides its own; may be repeated', collect)
    .option('--public', PUBLIC)
    .option('--sequential', 'load it from the beginning to the end')
    .option('--overwrite', OVERWRITE)
    .option('--no-seed', 'stop when it is whole')
    .option('-d, --detach', 'do not wait: it goes on in the background');

  add('shares [share]', 'what is shared and loaded, or one of it in detail', async (context, [name]) =>
    (await import('./verbs/shares.ts')).shares(context, name),
  );

  add(
    'stream <source>',
    'play while it loads: print a link for a player, and serve until Ctrl-C',
    async (context, [source], o) =>
      (await import('./verbs/stream.ts')).stream(context, source ?? '', {
        ...getOptions(o),
        file: text(o, 'file'),
        player: text(o, 'player'),
      }),
  )
    .option('-o, --output <DIR>', 'the folder it comes into (default: this one)')
    .option('--file <FILE>', 'which file: number, name or pattern (default: the largest film)')
    .option('--player <COMMAND>', 'a program to start with the link, for example mpv')
    .option('--overwrite', OVERWRITE)
    .option('--peer <HOST:PORT>', PEER, collect)
    .option('--tracker <URL>', 'a tracker to ask besides its own; may be repeated', collect)
    .option('--public', PUBLIC);

  addTracker(add);
  addTorrent(add);
}

function addManageVerbs(add: AddVerb, share: ReturnType<AddVerb>): void {
  add(
    'rm <shares...>',
    'end shares; the files stay',
    async (context, names, o) => (await import('./verbs/manage.ts')).remove(context, names, o['data'] === true),
    share,
  ).option('--data', 'delete what was loaded, too');
  for (const [action, summary] of [
    ['pause', 'stop shares for now'],
    ['resume', 'go on with shares that are paused or had an error'],
    ['recheck', 'hash the files of shares again'],
  ] as const) {
    add(
      `${action} <shares...>`,
      summary,
      async (context, names) => (await import('./verbs/manage.ts')).change(context, names, action),
      share,
    );
  }
  add(
    'limit [shares...]',
    'set rates, of all together where none is named',
    async (context, names, o) =>
      (await import('./verbs/manage.ts')).limit(context, names, { down: text(o, 'down'), up: text(o, 'up') }),
    share,
  )
    .option('--down <RATE>', 'bytes per second: 500k, 2M; 0 for no limit')
    .option('--up <RATE>', 'bytes per second: 500k, 2M; 0 for no limit');
  add(
    'start',
    'start the share process, which other verbs do by themselves',
    async (context, _args, o) =>
      (await import('./verbs/manage.ts')).start(context, {
        foreground: o['foreground'] === true,
        port: text(o, 'port'),
      }),
    share,
  )
    .option('-f, --foreground', 'stay in the foreground and log to standard error, for a service manager')
    .option(
      '--port <PORT>',
      'TCP port for peers (default: the one of the last time, at first 6550); with --foreground',
    );
  add(
    'stop',
    'end the share process; everything goes on with its next start',
    async (context) => (await import('./verbs/manage.ts')).stop(context),
    share,
  );
}

function addTv(add: AddVerb, share: ReturnType<AddVerb>): void {
  const tv = add(
    'tv',
    'show films, music and pictures to televisions in the local network; off by default',
    async (context) => (await import('./verbs/tv.ts')).status(context),
    share,
  );
  add(
    'on',
    'show them from now on',
    async (context, _args, o) =>
      (await import('./verbs/tv.ts')).on(context, {
        ...{ interfaces: list(o, 'interface'), shares: list(o, 'share'), all: o['all'] === true },
      }),
    tv,
  )
    .option('--interface <IF>', 'an interface of the local network (default: the only one); may be repeated', collect)
    .option('--share <SHARE>', 'only this share: id or name; may be repeated', collect)
    .option('--all', 'all shares again');
  add('off', 'show them no longer', async (context) => (await import('./verbs/tv.ts')).off(context), tv);
  add('status', 'where and what', async (context) => (await import('./verbs/tv.ts')).status(context), tv);
}

function addTracker(add: AddVerb): void {
  add('tracker', 'run a tracker in the foreground: HTTP, UDP and WebSocket on one port', async (context, _args, o) =>
    (await import('./verbs/tracker.ts')).tracker(context, {
      ...{ port: text(o, 'port') ?? '6969', host: text(o, 'host') },
      ...{ http: o['http'] !== false, udp: o['udp'] !== false, websocket: o['ws'] !== false },
      ...{ allow: list(o, 'allow'), deny: list(o, 'deny'), stats: text(o, 'stats') ?? 'local' },
      ...{ proxies: list(o, 'proxy'), interval: text(o, 'interval') },
    }),
  )
    .option('--port <PORT>', 'TCP and UDP port; 0 for any free one', '6969')
    .option('--host <ADDRESS>', 'address to listen on (default: all)')
    .option('--no-http', 'without HTTP')
    .option('--no-udp', 'without UDP')
    .option('--no-ws', 'without WebSockets')
    .option('--allow <HASHES>', 'only this info-hash, or those in this file, one per line; may be repeated', collect)
    .option('--deny <HASHES>', 'not this info-hash, or those in this file; may be repeated', collect)
    .option('--stats <WHO>', 'who sees /stats, /stats.json and /metrics: local, everyone, nobody', 'local')
    .option('--proxy <PREFIX>', 'a proxy whose X-Forwarded-For counts; may be repeated', collect)
    .option('--interval <TIME>', 'how often peers are to announce themselves, for example 30m');
}

function addTorrent(add: AddVerb): void {
  const torrent = add('torrent', 'look at torrent files, check content against them, make them', async () => {
    const { usage } = await import('./verbs/torrent.ts');
    return usage();
  });
  add(
    'show <source>',
    'what a torrent file or magnet link says',
    async (context, [source]) => (await import('./verbs/torrent.ts')).show(context, source ?? ''),
    torrent,
  );
  add(
    'verify <file> [folder]',
    'check content on disk against a torrent file',
    async (context, [file, folder]) => (await import('./verbs/torrent.ts')).verify(context, file ?? '', folder),
    torrent,
  );
  addMakeOptions(
    add(
      'create <path>',
      'make a torrent file of a file or folder',
      async (context, [path], o) =>
        (await import('./verbs/torrent.ts')).create(context, path ?? '', {
          ...makeOptions(o),
          output: text(o, 'output'),
          comment: text(o, 'comment'),
        }),
      torrent,
    ),
  )
    .option('-o, --output <FILE>', 'where it goes (default: NAME.torrent here)')
    .option('--comment <TEXT>', 'words for people');
}

function addMakeOptions(command: ReturnType<AddVerb>): ReturnType<AddVerb> {
  return command
    .option('--name <NAME>', 'another name than that of the file or folder')
    .option('--version <VERSION>', 'v1, v2 or hybrid (default: hybrid)')
    .option('--tracker <URL>', 'a tracker; may be repeated', collect)
    .option('--web-seed <URL>', 'a web server that has the content; may be repeated', collect)
    .option('--piece-size <SIZE>', 'bytes of a piece: 64k, 1M (default: by the size of the content)')
    .option('--private', 'peers come from the trackers alone')
    .option('--hidden', 'with hidden files');
}

function makeOptions(o: Options): MakeVerbOptions {
  return {
    ...{ name: text(o, 'name'), version: text(o, 'version'), pieceSize: text(o, 'pieceSize') },
    ...{ trackers: list(o, 'tracker'), webSeeds: list(o, 'webSeed') },
    ...{ private: o['private'] === true, hidden: o['hidden'] === true },
  };
}

function getOptions(o: Options): SourceOptions {
  return {
    ...{ output: text(o, 'output'), select: list(o, 'select'), peers: list(o, 'peer'), trackers: list(o, 'tracker') },
    ...{ public: o['public'] === true, sequential: o['sequential'] === true, overwrite: o['overwrite'] === true },
  };
}
