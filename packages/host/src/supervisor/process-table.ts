/**
 * The kernel's list of processes. A process id alone names nobody for long: together with the time it was started, and
 * the boot that this time counts from, it does.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  /** Clock ticks since the boot, field 22 of proc_pid_stat(5). */
  readonly started: number;
}

/** The process of this id; null where there is none, or only what its parent has not fetched yet. */
export function processOf(pid: number): ProcessEntry | null {
  const text = readOrNull(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The name stands in brackets and may hold some itself: fields count from the last one on, the first there is field 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state = '', , group] = fields;
  if ('ZX'.includes(state)) return null;
  return { pid, group: Number(group), started: Number(fields[19]) };
}

/** Processes that were started with this variable in their environment, and what these started. */
export function processesWith(variable: string): (ProcessEntry & { readonly text: string })[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const found = readOrNull(`/proc/${name}/environ`)
      ?.split('\0')
      .find((each) => each.startsWith(`${variable}=`));
    const entry = found === undefined ? null : processOf(Number(name));
    return found === undefined || entry === null ? [] : [{ ...entry, text: found.slice(variable.length + 1) }];
  });
}

/**
 * Whether the process has a socket bound to this port, any address, and listens on it where it is one of TCP. False too for a
 * process of somebody else.
 */
export function holdsPort(pid: number, protocol: 'udp' | 'tcp', port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const sockets = [protocol, `${protocol}6`]
    .flatMap((table) => (readOrNull(`/proc/${pid}/net/${table}`) ?? '').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) && (protocol === 'udp' || fields[3] === LISTENING))
    .map((fields) => `socket:[${fields[9]}]`);
  const held = new Set(linksIn(`/proc/${pid}/fd`));
  return sockets.some((socket) => held.has(socket));
}

/** As Linux numbers the states of TCP. */
const LISTENING = '0A';

/** Differs with each start of the machine. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Null also for a process of somebody else. */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function linksIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => readlinkSync(`${folder}/${name}`));
  } catch {
    return [];
  }
}
