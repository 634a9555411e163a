/**
 * A community's gateway from one file: written, planned, applied; a client takes a lease and surfs; the map fills; a rule
 * is taken out and the doctor names it; everything is removed again. Real programs, real kernel, in namespaces of this
 * machine; nothing leaves them.
 *
 *   npm run demo:gateway [-- --keep] [-- --json]
 *
 *   --keep   leave the gateway up instead of removing it and say how to look around
 *   --json   one JSON object as the last line
 *
 * Left out, because this machine's kernel or the half minute has no room for it: routers' tunnels and batman-adv, which
 * `lab/uml` boots a kernel for, and clients behind a member of the mesh, which the test of `kith lan` shows.
 *
 * Ends with 0 if every step did what it shall, else with 1.
 */
import { Lab, LabError } from '../src/index.ts';
import { buildGatewayStage, type GatewayStage } from '../gateway/stage.ts';
import { Report } from './report.ts';
import { type Scene, SCENES } from './scenes.ts';

interface Options {
  readonly keep: boolean;
  readonly json: boolean;
}

const OPTIONS = ['--keep', '--json'];

function parseOptions(words: readonly string[]): Options | null {
  const unknown = words.find((word) => !OPTIONS.includes(word));
  if (unknown !== undefined) {
    process.stderr.write(`unknown option ${unknown}: there are ${OPTIONS.join(', ')}\n`);
    return null;
  }
  return { keep: words.includes('--keep'), json: words.includes('--json') };
}

async function playAll(stage: GatewayStage, report: Report, { keep }: Options): Promise<void> {
  const began = performance.now();
  for (const scene of scenesFor(keep)) {
    const done = await report.step(scene.title, () => scene.play(stage));
    if (done && scene.surfs === true) report.surfs(began);
    if (!done && scene.needed === true) return;
  }
}

function scenesFor(keep: boolean): readonly Scene[] {
  return keep ? SCENES.filter(({ last }) => last !== true) : SCENES;
}

async function demo(options: Options, interrupted: Promise<void>): Promise<number> {
  await Lab.sweep();
  const stage = await buildGatewayStage();
  const report = new Report();
  try {
    const finished = await Promise.race([
      playAll(stage, report, options).then(() => true),
      interrupted.then(() => false),
    ]);
    if (!finished) {
      report.silence();
      return 130;
    }
    report.summary();
    if (options.keep) {
      process.stdout.write(`\nThe gateway stays up. Look around as root:\n`);
      process.stdout.write(`  cd ${stage.gateway.folder}; ${stage.gateway.commandLine('gateway status')}\n`);
      process.stdout.write(`End it with Ctrl-C, or with: kill ${process.pid}\n`);
      // Waiting for a signal does not keep a process alive.
      const awake = setInterval(() => undefined, 60_000);
      await interrupted;
      clearInterval(awake);
    }
  } finally {
    await stage.close();
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report.outcome())}\n`);
  return report.allDone ? 0 : 1;
}

const options = parseOptions(process.argv.slice(2));
if (options === null) process.exit(2);
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve);
});
try {
  process.exitCode = await demo(options, interrupted);
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
