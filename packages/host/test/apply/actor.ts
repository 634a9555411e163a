/**
 * A process that changes the host it is on, for tests that end it in the middle:
 *
 *     node actor.ts FOLDER ORDER
 *
 * where ORDER is JSON. It prints one line of JSON. Daemons that it starts run on when it ends.
 */
import { join } from 'node:path';
import { KithError } from '@kith/core';
import { type Desired, desiredOn, gatewayOn, readGatewayFile } from '@kith/gateway';
import { type Progress, Supervisor, Transactions } from '@kith/host';

export interface Order {
  readonly verb: 'plan' | 'apply' | 'remove' | 'recover' | 'revert' | 'confirm' | 'guard';
  /** The gateway's file. */
  readonly text?: string;
  readonly draining?: boolean;
  readonly confirmWithin?: number;
  /** Which of its steps it ends itself at, counted from 0: just before or just after it. */
  readonly dieAt?: number;
  /** Milliseconds of work after which it ends itself, wherever it is. */
  readonly dieAfter?: number;
  /** Which of its steps it is called off at. */
  readonly abortAt?: number;
}

export interface Outcome {
  readonly error?: { readonly code: string; readonly message: string };
  /** `operation key`, of what was planned. */
  readonly changes?: readonly string[];
  readonly recovery?: string;
  readonly steps: readonly string[];
  readonly owned: number;
  readonly inForce: boolean;
  /** Process ids of daemons by name. */
  readonly daemons: Readonly<Record<string, number | null>>;
}

const [folder = '', json = '{}'] = process.argv.slice(2);
const order: Order = JSON.parse(json);
const folders = { state: join(folder, 'state'), run: join(folder, 'run') };
const steps: string[] = [];
const calledOff = new AbortController();

function tell(progress: Progress): void {
  if (progress.step === 'check' || progress.step === 'left' || progress.step === 'revert') return;
  const name = progress.step === 'record' ? 'record' : `${progress.change.operation} ${progress.change.key}`;
  if (steps.length === order.dieAt) process.kill(process.pid, 'SIGKILL');
  if (steps.length === order.abortAt) calledOff.abort(new Error('called off'));
  steps.push(`${progress.state} ${name}`);
}

function desired(): Desired {
  const file = readGatewayFile(order.text ?? '', 'kith.yaml');
  const host = {
    name: 'tower',
    memoryBytes: 2 ** 30,
    initialNamespace: false,
    mesh: null,
    exitMtu: 1500,
    draining: order.draining ?? false,
    folders,
  };
  const gateway = gatewayOn(host, file.settings, { seeds: {}, fastd: null, wireguard: null });
  return desiredOn(gateway, file.causeOf);
}

const daemons = await Supervisor.open({
  folder: join(folders.run, 'daemons'),
  logs: join(folder, 'log'),
  timing: { ready: 4_000, alive: 600_000, probe: 25, look: 25 },
});
const transactions = new Transactions({ folders, daemons, tell });
const inForce = { file: 'kith.yaml', text: order.text ?? '', draining: order.draining ?? false };
const { signal } = calledOff;
const within = order.confirmWithin === undefined ? { signal } : { signal, confirmWithin: order.confirmWithin };
if (order.dieAfter !== undefined) setTimeout(() => process.kill(process.pid, 'SIGKILL'), order.dieAfter);

async function obey(): Promise<Partial<Outcome>> {
  switch (order.verb) {
    case 'plan':
      return { changes: textsOf(await transactions.plan(desired())) };
    case 'apply':
      return { changes: textsOf((await transactions.apply({ desired: desired(), inForce, ...within })).plan) };
    case 'remove':
      return { changes: textsOf((await transactions.remove(within)).plan) };
    case 'recover':
      return { recovery: await transactions.recover() };
    case 'revert':
      await transactions.revert();
      return {};
    case 'confirm':
      await transactions.confirm();
      return {};
    case 'guard':
      for (;;) {
        const recovery = await transactions.recover();
        if (recovery === 'reverted' || recovery === 'nothing') return { recovery };
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
  }
}

function textsOf({ changes }: { readonly changes: readonly { operation: string; key: string }[] }): string[] {
  return changes.map(({ operation, key }) => `${operation} ${key}`);
}

let outcome: Partial<Outcome>;
try {
  outcome = await obey();
} catch (error) {
  if (!(error instanceof KithError)) throw error;
  outcome = { error: { code: error.code, message: error.message } };
}
const reports = await daemons.list();
const isRead = outcome.error?.code !== 'GATEWAY_RECORD_CORRUPT';
const whole: Outcome = {
  ...outcome,
  steps,
  owned: isRead ? transactions.owned().size : 0,
  inForce: isRead && transactions.inForce() !== null,
  daemons: Object.fromEntries(reports.map(({ name, pid }) => [name, pid])),
};
await daemons.close();
process.stdout.write(`${JSON.stringify(whole)}\n`);
