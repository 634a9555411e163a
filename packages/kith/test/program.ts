/** The real command line in a folder of its own: what a person types, what comes back. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BIN: string = fileURLToPath(new URL('../bin/kith.mjs', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Sandbox {
  /** Parent folder of the networks' folders. */
  readonly state: string;

  constructor() {
    this.state = mkdtempSync(join(tmpdir(), 'kith-test-'));
  }

  folder(label: string): string {
    return join(this.state, label);
  }

  run(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return runCommand([process.execPath, BIN, ...args], { KITH_STATE: this.state, ...env }, input);
  }

  /** Runs with `--json`. The document is untyped on purpose: tests look at what a program would see. */
  async json(args: readonly string[], input = ''): Promise<{ readonly code: number; readonly value: Json }> {
    const outcome = await this.run(['--json', ...args], input);
    return { code: outcome.code, value: JSON.parse(outcome.stdout) as Json };
  }

  remove(): void {
    rmSync(this.state, { recursive: true, force: true });
  }
}

/** A JSON document that answers every path; a missing one with undefined. */
export type Json = { readonly [key: string]: Json } & readonly Json[] & string & number & boolean;

export function runCommand(command: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program as string, args, { env: { ...process.env, ...env }, stdio: 'pipe', timeout: 60_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}
