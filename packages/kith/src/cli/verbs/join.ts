/** `kith join`: redeems a token and writes the state of the new membership. Whatever fails, it can be tried again. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { KithError, type Label, parseLabel } from '@kith/core';
import { nodeCrypto, readUsedPrefixes, refuseOverlap } from '@kith/dataplane';
import { decodeInvite, type InviteToken, Ledger } from '@kith/mesh';
import { DEFAULTS, interfaceName } from '../../config/schema.ts';
import { redeem } from '../../membership/redeem.ts';
import { makeFolder } from '../../state/files.ts';
import { createLedgerFile } from '../../state/ledger.ts';
import { takeLock } from '../../state/lock.ts';
import { newFolder } from '../../state/networks.ts';
import { writeNetworkFile } from '../../state/network-file.ts';
import { fileIn } from '../../state/paths.ts';
import { newNetworkFile, prepareState } from '../../state/state.ts';
import type { Context } from '../context.ts';
import { parseDuration, type Result } from '../output.ts';
import { settingsFrom, type SettingOptions } from '../settings.ts';

export interface JoinOptions extends SettingOptions {
  readonly token: string;
  readonly name: string | undefined;
  readonly timeout: string;
}

/** Characters of input that are read at most: a token has less than 3,000. */
const INPUT_LIMIT = 65_536;

/** The token itself, or what the named file or standard input holds. */
function readToken(argument: string): string {
  if (/^\s*kith:/i.test(argument)) return argument;
  try {
    return readFileSync(argument === '-' ? 0 : argument, 'utf8').slice(0, INPUT_LIMIT);
  } catch (cause) {
    const shown = argument.length > 40 ? `${argument.slice(0, 40)}…` : argument;
    throw new KithError(
      'INVITE_MALFORMED',
      `${JSON.stringify(shown)} is neither an invite, which starts with "kith:", nor a file`,
      { cause },
    );
  }
}

/** The host's own name as far as it can be a member's. */
function hostLabel(): Label {
  const label = hostname().split('.')[0] ?? '';
  const tidy = label
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  try {
    return parseLabel(tidy, 'member name');
  } catch (cause) {
    throw new KithError(
      'NAME_INVALID',
      `the host name ${JSON.stringify(hostname())} makes no member name: give one with --name`,
      { cause },
    );
  }
}

function checkExpiry({ expires, networkName }: InviteToken): void {
  if (expires === null || Date.now() <= expires) return;
  throw new KithError('INVITE_EXPIRED', `the invite to ${networkName} expired at ${new Date(expires).toISOString()}`);
}

async function checkOverlap(ledger: Ledger, except: string): Promise<string | null> {
  try {
    refuseOverlap([ledger.roster().prefix4], await readUsedPrefixes(except));
    return null;
  } catch (error) {
    // The membership is real already; `kith up` will refuse with the same words until the clash is gone.
    return error instanceof KithError && error.code === 'PREFIX_OVERLAP' ? error.message : null;
  }
}

export async function join(context: Context, options: JoinOptions): Promise<Result> {
  const crypto = nodeCrypto();
  const token = decodeInvite(crypto, readToken(options.token));
  checkExpiry(token);
  const label = parseLabel(context.network ?? token.networkName, 'network label');
  const wished = options.name === undefined ? null : parseLabel(options.name, 'member name');
  const name = token.name ?? wished ?? hostLabel();
  const timeout = parseDuration(options.timeout, '--timeout') ?? 2 ** 31;
  const settings = await settingsFrom(options);
  const folder = newFolder(context, label, token.network);
  makeFolder(folder);
  const lock = takeLock(folder, 'join');
  try {
    const identity = prepareState(folder, crypto, settings);
    const ways = token.bootstrap.flatMap(({ endpoints }) => endpoints);
    context.progress(`asking ${token.networkName} at ${ways.join(', ')} …`);
    const port = settings.port ?? DEFAULTS.port;
    const { statements, member, remembered } = await redeem({
      crypto,
      token,
      identity,
      name,
      address: null,
      port,
      timeout,
    });
    const ledger = new Ledger({ crypto, network: token.network });
    for (const statement of statements) ledger.add(statement);
    const self = ledger.roster().members.get(member);
    createLedgerFile(fileIn(folder, 'ledger'), statements);
    // Written last: a folder without it is no network yet.
    writeNetworkFile(fileIn(folder, 'network'), { ...newNetworkFile(label, token.network, Date.now()), remembered });
    const overlap = await checkOverlap(ledger, interfaceName(settings, label));
    const given = self?.name ?? name;
    const json = {
      network: token.network,
      label,
      folder,
      name: given,
      address: self?.address4,
      address6: self?.address6,
      overlap,
    };
    const lines = [`joined ${token.networkName} as ${given}, ${self?.address4 ?? ''}`, `state is in ${folder}`];
    if (wished !== null && given !== wished) lines.push(`the invite fixed the name ${given}`);
    lines.push(overlap === null ? 'next: kith up' : `warning: ${overlap}; kith up will refuse until that is gone`);
    return { json, text: lines.join('\n') };
  } finally {
    lock.release();
  }
}
