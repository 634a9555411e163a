/**
 * The experiment: four machines, all but one behind NAT or firewall, become one network. Real program, real kernel, in
 * namespaces of this machine; nothing leaves them.
 *
 *   npm run demo [-- --symmetric] [-- --keep] [-- --json]
 *
 *   --symmetric   the home router gives every destination another port: fedora and externalblr stay relayed
 *   --keep        leave the network up afterwards and say how to look around
 *   --json        one JSON object as the last line
 *
 * Ends with 0 if every promise was kept, else with 1.
 */
import { Lab, LabError } from '../src/index.ts';
import { buildStage, type Stage } from './actors.ts';
import { type Promised, Report } from './report.ts';
import { growing } from './scenes/growing.ts';
import { losing } from './scenes/losing.ts';
import { reaching } from './scenes/reaching.ts';
import { revoking } from './scenes/revoking.ts';
import { serving } from './scenes/serving.ts';

interface Options {
  readonly symmetric: boolean;
  readonly keep: boolean;
  readonly json: boolean;
}

const OPTIONS = ['--symmetric', '--keep', '--json'];

function parseOptions(words: readonly string[]): Options | null {
  const unknown = words.find((word) => !OPTIONS.includes(word));
  if (unknown !== undefined) {
    process.stderr.write(`unknown option ${unknown}: there are ${OPTIONS.join(', ')}\n`);
    return null;
  }
  const has = (word: string) => words.includes(word);
  return { symmetric: has('--symmetric'), keep: has('--keep'), json: has('--json') };
}

/** Plays one scene; what goes wrong in it breaks its promises and no other scene. */
async function play(report: Report, promises: readonly Promised[], scene: () => Promise<void>): Promise<boolean> {
  try {
    await scene();
    return true;
  } catch (error) {
    for (const promise of promises) report.promise(promise, false);
    report.say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function playAll(stage: Stage, report: Report, { symmetric }: Options): Promise<void> {
  report.lines(stage.lab.pretty().split('\n'));
  if (!(await play(report, ['pings'], () => growing(stage, report)))) return;
  await play(report, ['pings', 'paths'], () => reaching(stage, report, symmetric));
  await play(report, ['service', 'firewall'], () => serving(stage, report));
  await play(report, ['loss', 'back'], () => losing(stage, report, symmetric));
  await play(report, ['revoked'], () => revoking(stage, report));
}

function explain(stage: Stage, report: Report): void {
  report.scene('The network stays up. Look around as root:');
  for (const actor of stage.all) report.say(actor.commandLine('status'));
  report.say(`ip netns exec ${stage.pi.host.namespace} ping 10.0.0.3`);
  report.say(`End it with Ctrl-C, or with: kill ${process.pid}`);
}

async function demo(options: Options, interrupted: Promise<void>): Promise<number> {
  await Lab.sweep();
  const report = new Report();
  const stage = await buildStage(options.symmetric ? 'symmetric' : 'preserving');
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
      explain(stage, report);
      // Waiting for a signal does not keep a process alive.
      const awake = setInterval(() => undefined, 60_000);
      await interrupted;
      clearInterval(awake);
    }
  } finally {
    await stage.close();
  }
  if (options.json) process.stdout.write(`${JSON.stringify(report.outcome())}\n`);
  return report.allKept ? 0 : 1;
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
