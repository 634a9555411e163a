/** `kith gateway init`: a file of a few lines from a few answers. */
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { KithError } from '@kith/core';
import { type InitAnswers, initialFile, readGatewayFile } from '@kith/gateway';
import { readText, writeNew } from '../../../gateway/file.ts';
import { ask, canAsk, type Question } from '../../ask.ts';
import type { Context } from '../../context.ts';
import type { Result } from '../../output.ts';

export interface InitOptions {
  readonly community: string | undefined;
  readonly clients: readonly string[];
  readonly exit: string | undefined;
  readonly vpn: string | undefined;
  readonly contact: string | undefined;
  readonly file: string | undefined;
  readonly force: boolean;
}

export async function init(_context: Context, options: InitOptions): Promise<Result> {
  const file = options.file ?? 'kith.yaml';
  if (!options.force && existsSync(file)) writeNew(file, '', false);
  const text = initialFile(await answersFrom(options));
  // What comes from flags is checked as what a person wrote: the lines in complaints are those that would be written.
  const { settings } = readGatewayFile(text, file);
  writeNew(file, text, options.force);
  const lines = text.trimEnd().split('\n');
  return {
    json: { file, lines: lines.length, community: settings.community.name, code: settings.community.code },
    text: `${lines.map((line) => `  ${line}`).join('\n')}\n\nwritten to ${file}: look at it with "kith gateway plan", put it into force with "sudo kith gateway apply"`,
  };
}

async function answersFrom(options: InitOptions): Promise<InitAnswers> {
  const vpn = vpnOf(options.vpn);
  const exit = options.exit ?? defaultExit();
  const missing = [
    ...(options.community === undefined ? ['the name of the community, as first word'] : []),
    ...(options.clients.length === 0 && vpn === undefined ? ['--clients INTERFACE or --vpn fastd'] : []),
    ...(exit === undefined ? ['--exit INTERFACE'] : []),
  ];
  const contact = options.contact;
  if (options.community !== undefined && exit !== undefined && missing.length === 0)
    return { community: options.community, clients: options.clients, exit, vpn, contact };
  if (!canAsk()) throw new KithError('USAGE', `to write the file something is missing: ${missing.join('; ')}`);
  const [community = '', way = '', clients = '', routers = '', mail = ''] = await ask(questions(options, exit));
  return {
    community,
    clients: clients.split(/[\s,]+/).filter((name) => name !== ''),
    exit: way,
    vpn: vpnOf(routers === 'none' ? undefined : routers),
    contact: mail === '' ? undefined : mail,
  };
}

function questions({ community, clients, vpn, contact }: InitOptions, exit: string | undefined): Question[] {
  const names = Object.keys(networkInterfaces()).filter((name) => name !== 'lo');
  const there = names.length === 0 ? '' : ` (up here: ${names.join(', ')})`;
  return [
    { text: 'Name of the community?', fallback: community },
    { text: `Interface to the internet${there}?`, fallback: exit },
    {
      text: 'Interfaces of clients, with spaces between, or nothing where all come through routers?',
      fallback: clients.join(' '),
    },
    {
      text: 'Tunnels for routers: fastd, wireguard or none?',
      fallback: vpn ?? 'none',
      check: (answer) => (['fastd', 'wireguard', 'none'].includes(answer) ? null : 'type fastd, wireguard or none'),
    },
    { text: 'Contact shown on maps, may stay empty?', fallback: contact ?? '' },
  ];
}

function vpnOf(text: string | undefined): InitAnswers['vpn'] {
  if (text === undefined || text === 'fastd' || text === 'wireguard') return text;
  throw new KithError('USAGE', `--vpn ${JSON.stringify(text)} is not known: say fastd or wireguard`);
}

/** The interface of the machine's own way to the internet; undefined where it has none. */
export function defaultExit(): string | undefined {
  if (!existsSync('/proc/net/route')) return undefined;
  const rows = readText('/proc/net/route').split('\n').slice(1);
  // Columns: interface, destination, gateway, flags …; the default route has destination and mask 0.
  return rows
    .map((row) => row.split('\t'))
    .find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0];
}
