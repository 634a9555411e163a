/** `kith gateway gluon`: what the firmware of routers is built from, out of the same file as the gateways. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gluonSite } from '@kith/gateway';
import { findGatewayFile } from '../../../gateway/file.ts';
import { gatewayFolders } from '../../../gateway/folders.ts';
import { prospectOf } from '../../../gateway/prospect.ts';
import { stateError } from '../../../state/files.ts';
import type { Context } from '../../context.ts';
import type { Result } from '../../output.ts';
import type { FileOptions } from './plan.ts';

export interface GluonOptions extends FileOptions {
  readonly output: string | undefined;
}

export async function gluon(_context: Context, options: GluonOptions): Promise<Result> {
  const file = findGatewayFile(options.file);
  const { gateway } = await prospectOf(file, { folders: gatewayFolders(), as: options.as, draining: false });
  const { files, open } = gluonSite(gateway);
  const folder = options.output ?? 'site';
  const paths = files.map(({ path }) => join(folder, path));
  for (const [place, path] of paths.entries()) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, files[place]?.text ?? '');
    } catch (error) {
      throw stateError(error, path, 'write');
    }
  }
  const causes = open.map(({ path, message }) => ({ ...file.causeOf(...path.split('.')), message }));
  return {
    json: { files: paths, open: causes },
    text: [
      ...paths.map((path) => `wrote ${path}`),
      ...causes.map((cause) => `open: ${cause.file}:${cause.line}: ${cause.path} ${cause.message}`),
    ].join('\n'),
  };
}
