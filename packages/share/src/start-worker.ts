import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread from a file beside the caller, named without its ending: `.ts` where the caller runs from its source, `.js`
 * where it was built. A thread does not inherit the hooks by which a program finds the sources of packages, so it is told.
 */
export function startWorker(name: string, callerUrl: string, options: WorkerOptions = {}): Worker {
  const fromSource = callerUrl.endsWith('.ts');
  const script = new URL(`${name}${fromSource ? '.ts' : '.js'}`, callerUrl);
  if (!fromSource) return new Worker(script, options);
  // In place of the program's own flags, among which are those that a thread refuses.
  return new Worker(script, { ...options, execArgv: ['--conditions=source'] });
}
