/** Stretches of time that traffic is counted by. Days and months begin where the host lives. */

export type Grain = 'minutes' | 'hours' | 'days' | 'months';

export interface Slot {
  /** Ms since 1970; the end is the next one's start. */
  readonly start: number;
  readonly end: number;
}

/** From the finest to the coarsest, and how many of each are kept: two days, a month, two years, ten years. */
export const KEPT: Readonly<Record<Grain, number>> = { minutes: 576, hours: 744, days: 731, months: 120 };

const FIVE_MINUTES = 300_000;

/** The slot that a moment falls into. */
export function slotOf(grain: Grain, now: number): Slot {
  const date = new Date(now);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  switch (grain) {
    case 'minutes': {
      const start = Math.floor(now / FIVE_MINUTES) * FIVE_MINUTES;
      return { start, end: start + FIVE_MINUTES };
    }
    case 'hours': {
      // The clock's own hours, which differ from those of the world by half of one in some places.
      const start = new Date(now).setMinutes(0, 0, 0);
      return { start, end: start + 3_600_000 };
    }
    case 'days':
      return { start: new Date(year, month, day).getTime(), end: new Date(year, month, day + 1).getTime() };
    case 'months':
      return { start: new Date(year, month).getTime(), end: new Date(year, month + 1).getTime() };
  }
}
