/** One simulation: clock, seed, network and trace together, and failures that carry all that is needed to see why. */
import { VirtualClock } from './clock.ts';
import type { ScheduledEvent } from './clock.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { Trace } from './trace.ts';
import type { Describe } from './trace.ts';

export interface SimulationOptions {
  /** Any text; the same seed gives the same run. */
  readonly seed: string;
  /** Packets that the trace remembers; 2,048 by default. */
  readonly traceCapacity?: number;
  /** Names messages in the trace. */
  readonly describe?: Describe;
  /** Length in ms of the intervals of `Host.traffic`; 0, the default, for totals only. */
  readonly statsInterval?: number;
}

/** Packets that a failure shows. */
const SHOWN = 40;

/** A failure inside a simulation. Its message ends with seed, time and the last packets; `cause` is what was thrown. */
export class SimulationError extends Error {
  readonly seed: string;
  /** Virtual time in ms. */
  readonly time: number;

  constructor(message: string, seed: string, time: number, cause?: unknown) {
    super(message, { cause });
    this.name = 'SimulationError';
    this.seed = seed;
    this.time = time;
  }
}

export class Simulation {
  readonly seed: string;
  readonly clock: VirtualClock = new VirtualClock();
  /** Randomness of the scenario itself; parts that must not shift it take a `fork`. */
  readonly random: Random;
  readonly trace: Trace;
  readonly network: Network;

  constructor(options: SimulationOptions) {
    this.seed = options.seed;
    this.random = new Random(options.seed);
    this.trace = new Trace(options.traceCapacity ?? 2048, options.describe);
    this.network = new Network({
      clock: this.clock,
      random: this.random.fork('network'),
      trace: this.trace,
      statsInterval: options.statsInterval ?? 0,
    });
  }

  /** Virtual time in ms since the beginning. */
  get now(): number {
    return this.clock.now;
  }

  /** A step of the scenario at virtual time `at` (ms). Afterwards every driven machine is looked at. */
  schedule(at: number, step: () => void): ScheduledEvent {
    return this.clock.schedule(at, () => {
      step();
      this.#poke();
    });
  }

  /** Runs `ms` of virtual time. @throws SimulationError around whatever an event throws */
  run(ms: number): void {
    this.#poke();
    this.#guard(() => this.clock.run(this.now + ms));
  }

  /**
   * Runs until `condition` holds, `ms` of virtual time at most; see `VirtualClock.runUntil` for `every`.
   * @returns whether it held
   * @throws SimulationError around whatever an event throws
   */
  runUntil(condition: () => boolean, ms: number, every = 0): boolean {
    this.#poke();
    return this.#guard(() => this.clock.runUntil(condition, this.now + ms, every));
  }

  /** An error with seed, time and the last packets, of `hosts` (names) only where some are given. */
  failure(message: string, hosts: readonly string[] = [], cause?: unknown): SimulationError {
    const about = hosts.length === 0 ? '' : ` of ${hosts.join(', ')}`;
    const text = [
      message,
      `  seed ${JSON.stringify(this.seed)} (run it again with KITH_SEED=${JSON.stringify(this.seed)}), time ${this.now} ms`,
      `  last packets${about}:`,
      this.trace.format(SHOWN, hosts),
    ].join('\n');
    return new SimulationError(text, this.seed, this.now, cause);
  }

  #poke(): void {
    for (const host of this.network.hosts) host.poke();
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof SimulationError) throw error;
      throw this.failure(error instanceof Error ? error.message : String(error), [], error);
    }
  }
}

export interface ExpectOptions {
  /** Show only packets of these hosts (names). */
  readonly hosts?: readonly string[];
  /** Look at the condition at most once per this many virtual ms; 1 by default. */
  readonly every?: number;
  /** More about the state, asked for when the condition did not come true. */
  readonly explain?: () => string;
}

/**
 * Runs until `condition` holds.
 * @param within virtual ms
 * @param description completes "expected …"
 * @returns the virtual ms that it took
 * @throws SimulationError with the seed, the time and the last packets if it does not hold in time
 */
export function expectEventually(
  simulation: Simulation,
  condition: () => boolean,
  within: number,
  description: string,
  options: ExpectOptions = {},
): number {
  const start = simulation.now;
  if (simulation.runUntil(condition, within, options.every ?? 1)) return simulation.now - start;
  const more = options.explain === undefined ? '' : `\n  ${options.explain()}`;
  throw simulation.failure(`expected ${description} within ${within} ms${more}`, options.hosts ?? []);
}

/**
 * Runs for `during` virtual ms in which `condition` must hold all the time.
 * @throws SimulationError as soon as it does not
 */
export function expectAlways(
  simulation: Simulation,
  condition: () => boolean,
  during: number,
  description: string,
  options: ExpectOptions = {},
): void {
  if (!simulation.runUntil(() => !condition(), during, options.every ?? 1)) return;
  const more = options.explain === undefined ? '' : `\n  ${options.explain()}`;
  throw simulation.failure(`expected at all times ${description}${more}`, options.hosts ?? []);
}
