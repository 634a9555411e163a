/** The verb of the page: what it is called, what it takes. */
import { type AddVerb, type Options, text } from './options.ts';
import type { WebOptions } from './verbs/web.ts';

export function addWebVerb(add: AddVerb): void {
  const options = (o: Options): WebOptions => ({
    port: text(o, 'port'),
    mesh: typeof o['mesh'] === 'boolean' ? o['mesh'] : undefined,
    downloads: text(o, 'downloads'),
    tiles: text(o, 'tiles'),
  });
  const addOptions = (command: ReturnType<AddVerb>): ReturnType<AddVerb> =>
    command
      .option('--mesh', 'let members look at it through the network; admins may act')
      .option('--no-mesh', 'for this machine alone')
      .option('--port <PORT>', 'TCP port (default: the one of the last time, at first 6552)')
      .option('--downloads <DIR>', 'where what is fetched from the shelf goes (default: ~/Downloads)')
      .option('--tiles <PATTERN>', 'a server for map tiles like https://tiles.example/{z}/{x}/{y}.png, or none');
  const web = add('web', 'show the networks, the gateway and the shares in a browser', async (context, _args, o) =>
    (await import('./verbs/web.ts')).web(context, options(o)),
  );
  addOptions(web);
  addOptions(
    add(
      'start',
      'start the page, which `kith web` does by itself',
      async (context, _args, o) =>
        (await import('./verbs/web.ts')).startWeb(context, { ...options(o), foreground: o['foreground'] === true }),
      web,
    ).option('-f, --foreground', 'stay in the foreground and log to standard error, for a service manager'),
  );
  add('stop', 'end the page', async () => (await import('./verbs/web.ts')).stopWeb(), web);
}
