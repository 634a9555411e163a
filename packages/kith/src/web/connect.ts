/** The face of this user, started where it does not run. */
import type { DoneReport, FaceProcessReport } from '@kith/api';
import { Caller } from '../api/caller.ts';
import { launch } from '../daemon/launch.ts';
import { isCode } from '../share/connect.ts';
import { makeFolder } from '../state/files.ts';
import { faceFolder, fileIn } from '../state/paths.ts';
import type { FaceSettings } from './settings.ts';

export function ownFaceFolder(): string {
  return faceFolder(process.env, process.geteuid?.() ?? 0);
}

function caller(): Caller {
  return new Caller(fileIn(ownFaceFolder(), 'socket'));
}

/** @throws KithError NOT_RUNNING */
function runningFace(): Promise<FaceProcessReport> {
  return caller().json('GET', '/v1/face');
}

/** @throws KithError NOT_RUNNING */
export function stopFace(): Promise<DoneReport> {
  return caller().json('POST', '/v1/stop');
}

/** The face that runs; with changes it is started anew. @throws KithError DAEMON_FAILED … */
export async function openFace(
  changes: Partial<Pick<FaceSettings, 'port' | 'mesh' | 'downloads' | 'tiles'>>,
): Promise<FaceProcessReport> {
  try {
    const report = await runningFace();
    if (Object.keys(changes).length === 0) return report;
    await stopFace();
    await gone();
  } catch (error) {
    if (!isCode(error, 'NOT_RUNNING')) throw error;
  }
  const folder = ownFaceFolder();
  makeFolder(folder);
  const words = Object.entries(changes).flatMap(([name, value]) => {
    if (name === 'mesh') return [value === true ? '--mesh' : '--no-mesh'];
    return [`--${name}`, String(value ?? 'none')];
  });
  return launch<FaceProcessReport>({
    words: ['web', 'start', '--foreground', ...words],
    errors: fileIn(folder, 'stderr'),
    what: 'the face',
  });
}

/** Until the one that was told to end is gone. */
async function gone(): Promise<void> {
  for (const deadline = performance.now() + 5_000; performance.now() < deadline;) {
    try {
      await runningFace();
    } catch (error) {
      if (isCode(error, 'NOT_RUNNING')) return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
