/** The interface that the operator's own session comes in by: whoever changes it is locked out. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Answer } from '../answer.ts';
import { run } from '../command.ts';

const VARIABLE = 'SSH_CONNECTION=';
/** More ancestors than a session has. */
const MOST_ANCESTORS = 64;

/** Null where nobody is logged in from afar, or where no route leads back to them. */
export async function sessionInterface(): Promise<string | null> {
  const connection = connectionOf(process.pid);
  if (connection === null) return null;
  const { client, server } = connection;
  // A link-local address names its interface.
  const zone = client.split('%')[1];
  if (zone !== undefined) return zone;
  // Rules may send answers another way than the rest: the address that was called decides.
  return (await deviceTo(['to', client, 'from', server])) ?? deviceTo(['to', client]);
}

async function deviceTo(words: readonly string[]): Promise<string | null> {
  const { code, stdout } = await run(['ip', '-j', 'route', 'get', ...words]);
  if (code !== 0) return null;
  const [route] = Answer.parse(stdout, '"ip -j route get"').list(8);
  return route?.optional('dev')?.text(64) ?? null;
}

/** `sudo` takes the variable away: then an ancestor has it, `sudo` itself or the shell before. */
function connectionOf(from: number): { readonly client: string; readonly server: string } | null {
  let pid = from;
  for (let i = 0; i < MOST_ANCESTORS && pid > 1; i++) {
    const found = parseConnection(textOf(`/proc/${pid}/environ`));
    if (found !== null) return found;
    const stat = textOf(`/proc/${pid}/stat`);
    // Fields count from the bracket on that closes the name: state, parent, ….
    pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
  }
  return null;
}

/**
 * `SSH_CONNECTION`: the client's address and port, the server's address and port. Source: ssh(1)
 *
 * @param environ entries with a zero byte between them
 */
export function parseConnection(environ: string): { readonly client: string; readonly server: string } | null {
  const entry = environ.split('\0').find((each) => each.startsWith(VARIABLE));
  const [client = '', , server = ''] = entry?.slice(VARIABLE.length).split(' ') ?? [];
  const isAddress = (text: string): boolean => isIP(text.split('%')[0] ?? '') !== 0 && !/\s/.test(text);
  return isAddress(client) && isAddress(server) ? { client, server } : null;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
