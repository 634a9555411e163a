/** The colours of links, for graph, map and lists. */

/** Named in the style sheet, for light and dark. */
const TONES = ['--bad', '--poor', '--fair', '--good'] as const;

/** @param quality 0 (useless) to 1 */
export function toneOf(quality: number): (typeof TONES)[number] {
  return TONES[quality > 0.85 ? 3 : quality > 0.6 ? 2 : quality > 0.3 ? 1 : 0] ?? '--fair';
}

/** The colours of the style sheet as they are now. */
export function palette(): ReadonlyMap<string, string> {
  const style = getComputedStyle(document.documentElement);
  const names = [...TONES, '--text', '--quiet', '--line', '--surface', '--accent', '--land', '--sea'];
  return new Map(names.map((name) => [name, style.getPropertyValue(name).trim()]));
}
