/** Drives a machine that says when it wants to be woken, as every pure state machine of the house does. */
import type { Host, HostTimer } from './host.ts';

export interface Machine {
  /** When `tick` is due, in the host's monotonic ms; null for never. May change with every call into the machine. */
  wakeAt(): number | null;
  tick(now: number): void;
}

export interface Drive {
  /** Looks at `wakeAt` again: needed only after calls that did not come through the host or `Simulation.schedule`. */
  poke(): void;
  stop(): void;
}

/** Ticks at one instant after which a machine is held to be stuck. */
const MOST_TICKS = 1000;

/**
 * Ticks `machine` on `host` whenever it is due.
 * @throws Error, out of the run, when the machine stays due however often it is ticked
 */
export function drive(host: Host, machine: Machine): Drive {
  let timer: HostTimer | null = null;
  let armedAt = Number.POSITIVE_INFINITY;
  let lastTick = Number.NEGATIVE_INFINITY;
  let ticks = 0;
  let stopped = false;

  function fired(now: number): void {
    timer = null;
    armedAt = Number.POSITIVE_INFINITY;
    const due = machine.wakeAt();
    if (due === null || due > now) return;
    ticks = now === lastTick ? ticks + 1 : 1;
    lastTick = now;
    if (ticks > MOST_TICKS) {
      throw new Error(
        `host ${host.name}: its machine still asks to be woken at ${due} after ${MOST_TICKS} ticks at ${now}`,
      );
    }
    machine.tick(now);
  }

  function poke(): void {
    if (stopped) return;
    const due = machine.wakeAt();
    if (due === null) return;
    const at = Math.max(due, host.now());
    // A timer that is early finds out when it fires: cheaper than moving it with every packet.
    if (armedAt <= at) return;
    timer?.cancel();
    armedAt = at;
    timer = host.setTimer(armedAt, fired);
  }

  function stop(): void {
    stopped = true;
    timer?.cancel();
    host.removePoked(driving);
  }

  const driving: Drive = { poke, stop };
  host.addPoked(driving);
  poke();
  return driving;
}
