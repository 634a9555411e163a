/** `kith invite`: a token from the daemon, or, while none runs, straight from the ledger on disk. */
import { KithError } from '@kith/core';
import { Client } from '../../api/client.ts';
import type { InviteReport, InviteRequest } from '@kith/api';
import { findFolder } from '../../state/networks.ts';
import { fileIn } from '../../state/paths.ts';
import type { Context } from '../context.ts';
import { parseDuration, parseWhole, type Result } from '../output.ts';

export interface InviteOptions {
  readonly name: string | null;
  readonly address: string | null;
  readonly uses: string;
  readonly expires: string;
  readonly tags: readonly string[];
  readonly via: readonly string[] | null;
  readonly qr: boolean;
}

async function issue(folder: string, request: InviteRequest): Promise<{ report: InviteReport; running: boolean }> {
  try {
    return { running: true, report: await new Client(fileIn(folder, 'socket')).invite(request) };
  } catch (error) {
    if (!(error instanceof KithError && error.code === 'NOT_RUNNING')) throw error;
  }
  const { offline } = await import('../../membership/offline.ts');
  return { running: false, report: await offline(folder, 'invite', (membership) => membership.invite(request)) };
}

export async function invite(context: Context, options: InviteOptions): Promise<Result> {
  const folder = findFolder(context);
  const { report, running } = await issue(folder, {
    name: options.name,
    address: options.address,
    uses: parseWhole(options.uses, 1, 100, '--uses'),
    expiresIn: parseDuration(options.expires, '--expires'),
    tags: options.tags,
    via: options.via,
  });
  const lines = [report.token];
  if (options.qr) {
    const { renderUnicodeCompact } = await import('uqr');
    lines.unshift(renderUnicodeCompact(report.token, { ecc: 'L', border: 2 }));
  }
  const expiry = report.expires === null ? 'never expires' : `valid until ${new Date(report.expires).toISOString()}`;
  const uses = report.uses === 1 ? 'for one machine' : `for ${report.uses} machines`;
  // Notes go to standard error, so that `kith invite bob > token` holds the token alone.
  if (!context.json) {
    process.stderr.write(
      `invite ${report.id} ${uses}, ${expiry}, redeemed at ${report.via.join(' or ')}; keep it secret\n`,
    );
    if (!running)
      process.stderr.write('This node is down: it must be up, or have been since, before the token can be used.\n');
  }
  return { json: { ...report, spread: running }, text: lines.join('\n') };
}
