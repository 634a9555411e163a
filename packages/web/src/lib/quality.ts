/** How good a link is, as one number and one colour for graph, map and lists. */

/** 0 (useless) to 1. Loss counts most: a relay over a slow way beats a short one that drops. */
export function qualityOf({ rttMs, loss }: { readonly rttMs: number | null; readonly loss: number }): number {
  const kept = Math.max(0, 1 - loss * 3);
  const quick = rttMs === null ? 1 : 1 / (1 + Math.max(0, rttMs - 20) / 300);
  return kept * quick;
}

/** Named in the style sheet, for light and dark. */
const TONES = ['--bad', '--poor', '--fair', '--good'] as const;

export function toneOf(quality: number): (typeof TONES)[number] {
  return TONES[quality > 0.85 ? 3 : quality > 0.6 ? 2 : quality > 0.3 ? 1 : 0] ?? '--fair';
}

/** The colours of the style sheet as they are now. */
export function palette(): ReadonlyMap<string, string> {
  const style = getComputedStyle(document.documentElement);
  const names = [...TONES, '--text', '--quiet', '--line', '--surface', '--accent', '--land', '--sea'];
  return new Map(names.map((name) => [name, style.getPropertyValue(name).trim()]));
}
