/**
 * A supervisor in a process of its own, to be killed or to live in another namespace: reads one request a line,
 * `{"start": name, "value": …}`, `{"stop": name}` or `{"list": true}`, and answers each with one line.
 */
import { createInterface } from 'node:readline';
import type { DaemonValue } from '@kith/gateway';
import { Supervisor } from '@kith/host';

export interface Request {
  readonly start?: string;
  readonly value?: DaemonValue;
  readonly again?: boolean;
  readonly stop?: string;
}

const [folder = '', logs = '', timing = '{}'] = process.argv.slice(2);
const supervisor = await Supervisor.open({ folder, logs, timing: JSON.parse(timing) });

async function answer(request: Request): Promise<unknown> {
  try {
    if (request.start !== undefined && request.value !== undefined)
      await supervisor.start(request.start, request.value, request.again);
    if (request.stop !== undefined) await supervisor.stop(request.stop);
    return { daemons: await supervisor.list() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
await supervisor.close();
